"""Whether files are what was written or supplied: records of artefacts, lists of checksums, and `snakemake verify`."""
