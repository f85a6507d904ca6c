# Reference numbers for tests of scripts/imputation and scripts/models, by independent implementations.
# Made with R 4.2.2 and the packages mice, mitml, sandwich, numDeriv, jsonlite:
#   cd tests/reference && Rscript statistics.R
# Leaves logit.csv and gaps.csv (the data) and statistics.json (the numbers, with package versions).
suppressMessages({library(mice); library(mitml); library(sandwich); library(numDeriv)})
reference <- list()

# Rubin's rules with Barnard-Rubin degrees of freedom: mice::pool.scalar; dfcom = n - k = 26
estimates <- c(-2.10, -1.85, -2.32, -2.01, -1.94)
variances <- c(0.41, 0.38, 0.45, 0.40, 0.39)^2
scalar <- pool.scalar(estimates, variances, n = 27, k = 1)
reference$pool <- list(estimates = estimates, variances = variances, df_complete = 26,
                       estimate = scalar$qbar, variance = scalar$t, df = scalar$df, fmi = scalar$fmi)

# Joint test D1 with Reiter's degrees of freedom: mitml::testConstraints
joint <- matrix(c(0.10, -0.20, 0.32, 0.14, -0.11, 0.25, 0.02, -0.27, 0.41, 0.08, -0.15, 0.30, 0.12, -0.24, 0.38), nrow = 3)
rownames(joint) <- c("a", "b", "c")
covariances <- lapply(1:5, function(i) {
  v <- diag(c(0.010, 0.016, 0.020)) * (1 + i / 50); v[1, 2] <- v[2, 1] <- 0.004; v[2, 3] <- v[3, 2] <- -0.003; v
})
uhat <- array(unlist(covariances), dim = c(3, 3, 5), dimnames = list(rownames(joint), rownames(joint), NULL))
test <- testConstraints(qhat = joint, uhat = uhat, constraints = c("a", "b", "c"), method = "D1", df.com = 26)$test
reference$joint <- list(estimates = unname(lapply(1:5, function(i) unname(joint[, i]))), covariances = covariances,
                        df_complete = 26, statistic = test[[1]], df_numerator = test[[2]], df_denominator = test[[3]],
                        p_value = test[[4]])

# Weighted logit difference-in-differences, clustered by LA: glm + sandwich::vcovCL, effect on the treated by numDeriv
set.seed(20)
n <- 600
logit <- data.frame(la = sample(1:12, n, TRUE), post = rbinom(n, 1, 0.5), age = sample(0:17, n, TRUE))
logit$treated <- as.integer(logit$la <= 4)
logit$weight <- round(runif(n, 0.4, 2.5), 3)
logit$outcome <- rbinom(n, 1, plogis(-1.2 + 0.05 * logit$age + 0.3 * logit$treated + 0.8 * logit$treated * logit$post))
write.csv(logit, "logit.csv", row.names = FALSE, quote = FALSE)
model <- suppressWarnings(glm(outcome ~ treated + post + age + I(treated * post), family = binomial, data = logit,
                              weights = weight, control = list(epsilon = 1e-14)))
sandwich <- vcovCL(model, cluster = logit$la, type = "HC1", cadjust = TRUE)
effect <- function(b) {
  x1 <- model.matrix(model)[logit$treated == 1 & logit$post == 1, ]
  x0 <- x1; x0[, 5] <- 0
  w <- logit$weight[logit$treated == 1 & logit$post == 1]
  sum(w * (plogis(x1 %*% b) - plogis(x0 %*% b))) / sum(w)
}
gradient <- grad(effect, coef(model))
reference$logit <- list(coefficients = unname(coef(model)), std_errors = unname(sqrt(diag(sandwich))),
                        effect = effect(coef(model)), effect_std_error = sqrt(drop(gradient %*% sandwich %*% gradient)))

# Multiple imputation with gaps at random: regression of the outcome after mice (pmm, logreg), m = 100
set.seed(21)
n <- 500
z <- rnorm(n); x <- 5 + 1.5 * z + rnorm(n, 0, 2); b <- rbinom(n, 1, plogis(-0.5 + 0.6 * z))
gaps <- data.frame(z = z, treated = rbinom(n, 1, 0.3), post = rbinom(n, 1, 0.5))
gaps$outcome <- 1 + 0.5 * x - 1.0 * b + 0.4 * z + rnorm(n, 0, 1.5)
gaps$x <- ifelse(runif(n) < plogis(-1.4 + 0.9 * z), NA, x)
gaps$b <- ifelse(runif(n) < plogis(-1.6 - 0.7 * z), NA, b)
gaps <- round(gaps, 6)
write.csv(gaps, "gaps.csv", row.names = FALSE, quote = FALSE, na = "")
gaps$b <- factor(gaps$b)
completed <- mice(gaps, m = 100, maxit = 5, seed = 22, printFlag = FALSE)
pooled <- summary(pool(with(completed, lm(outcome ~ x + b + z))))
reference$imputation <- list(terms = as.character(pooled$term), estimates = pooled$estimate, std_errors = pooled$std.error)

reference$versions <- lapply(list(mice = "mice", mitml = "mitml", sandwich = "sandwich"), function(p) as.character(packageVersion(p)))
writeLines(jsonlite::toJSON(reference, digits = I(15), auto_unbox = TRUE, pretty = TRUE), "statistics.json")
