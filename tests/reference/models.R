# Reference numbers for tests of scripts/models, by independent implementations.
# Made with R 4.2.2 and the Debian packages of clubSandwich, sandwich, plm, lmtest, jsonlite:
#   cd tests/reference && Rscript models.R
# Leaves panel.csv (the data: LAs 1..10, of which 1..3 are treated, six years, rows with weights) and models.json.
suppressMessages({library(clubSandwich); library(sandwich); library(plm); library(lmtest); library(jsonlite)})
set.seed(20)
panel <- expand.grid(year = 2011:2016, la = 1:10)
panel$treated <- as.integer(panel$la <= 3)
panel$post <- as.integer(panel$year >= 2014 + panel$la %% 2)
panel$x <- round(rnorm(60) + panel$la / 5, 3)
panel$weight <- round(runif(60, 0.2, 3), 3)
shock <- rnorm(10)[panel$la]
panel$y <- round(2 + shock + 0.5 * panel$x + 0.3 * panel$post - panel$treated * panel$post + 0.6 * rnorm(60), 4)
write.csv(panel, "panel.csv", row.names = FALSE, quote = FALSE)
reference <- list(versions = lapply(list(clubSandwich = "clubSandwich", sandwich = "sandwich", plm = "plm", lmtest = "lmtest"), function(p) as.character(packageVersion(p))))
numbers <- function(v) unname(as.numeric(v))

# Weighted least squares as least squares on rows times the root of their weight: clubSandwich's own matrix roots for
# weighted models are others, equally valid, when weights differ within clusters
scaled <- function(x) as.data.frame(sqrt(panel$weight) * x)
rows <- with(panel, scaled(cbind(y, one = 1, treated, post, x, both = treated * post)))
model <- lm(y ~ 0 + one + treated + post + x + both, rows)
cr2 <- vcovCR(model, cluster = panel$la, type = "CR2")
reference$weighted <- list(coef = numbers(coef(model)),
  crv1 = numbers(sqrt(diag(vcovCL(model, cluster = panel$la, type = "HC1")))),
  cr2 = numbers(sqrt(diag(cr2))), df = numbers(coef_test(model, cr2, test = "Satterthwaite")$df_Satt),
  # clubSandwich leaves the jackknife's factor (G - 1) / G to the user
  crv3 = numbers(sqrt(diag(vcovCR(model, cluster = panel$la, type = "CR3")) * 9 / 10)))

# LA effects as dummies: every LA determines its own, so I - H is singular
rows <- with(panel, scaled(cbind(y, model.matrix(~ 0 + factor(la)), post, x, both = treated * post)))
within <- lm(y ~ 0 + ., rows)
cr2 <- vcovCR(within, cluster = panel$la, type = "CR2")
last <- length(coef(within))
reference$within <- list(coef = numbers(coef(within)[last]), cr2 = numbers(sqrt(cr2[last, last])),
  df = numbers(coef_test(within, cr2, test = "Satterthwaite")$df_Satt[last]))

# Random effects with the variance components of Wallace and Hussain, unweighted, balanced
random <- plm(y ~ treated + post + x + treated:post, panel, index = c("la", "year"), model = "random", random.method = "walhus")
reference$random <- list(coef = numbers(coef(random)), theta = numbers(ercomp(random)$theta),
  idiosyncratic = numbers(ercomp(random)$sigma2["idios"]), individual = numbers(ercomp(random)$sigma2["id"]))

# Serial correlation of a series of 40 years: the first forty rows, read as one unit
series <- data.frame(y = panel$y[1:40], x = panel$x[1:40])
tested <- bgtest(y ~ x, order = 2, data = series, fill = 0)
reference$serial <- list(rows = 40, lags = 2, statistic = numbers(tested$statistic), p_value = numbers(tested$p.value))
write_json(reference, "models.json", auto_unbox = TRUE, digits = 15, pretty = TRUE)
