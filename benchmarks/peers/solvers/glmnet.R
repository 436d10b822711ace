# Rscript glmnet.R DATA SCRATCH FAMILY ALPHA TYPE
# Reads a tolerance per line from standard input, fits, leaves the coefficients in
# SCRATCH/coefs (int32 columns, nnz, indptr, indices; float64 values), prints the
# elapsed and the processor seconds.
args <- commandArgs(TRUE)
suppressMessages({library(Matrix); library(glmnet)})

read_npy <- function(folder, name, what, size) {
  path <- file.path(folder, paste0(name, ".npy"))
  con <- file(path, "rb")
  on.exit(close(con))
  head <- readBin(con, "raw", 10)
  length <- as.integer(head[9]) + 256L * as.integer(head[10])
  readBin(con, "raw", length)
  readBin(con, what, (file.info(path)$size - 10 - length) / size, size = size)
}

family <- args[3]
y <- read_npy(args[2], "y", "double", 8)
if (family == "cox") y <- matrix(y, ncol = 2, dimnames = list(NULL, c("status", "time")))
lambda <- read_npy(args[2], "lambdas", "double", 8)
if (file.exists(file.path(args[1], "X.npy"))) {
  X <- matrix(read_npy(args[1], "X", "double", 8), nrow = NROW(y))
} else {
  indptr <- read_npy(args[1], "indptr", "integer", 4)
  X <- new("dgCMatrix", i = read_npy(args[1], "indices", "integer", 4), p = indptr,
           x = read_npy(args[1], "data", "double", 8),
           Dim = c(NROW(y), length(indptr) - 1L))
}
type <- args[5]
if (family == "tweedie") {
  # glmnet takes a family object for it; half the deviance of variance mu^1.5
  family <- poisson()
  family$family <- "Tweedie"
  family$variance <- function(mu) mu^1.5
  family$dev.resids <- function(y, mu, wt) 4 * wt * (y / sqrt(mu) + sqrt(mu) - 2 * sqrt(y))
  family$aic <- function(y, n, mu, wt, dev) NA_real_
  family$initialize <- expression({
    n <- rep(1, nobs)
    mustart <- y + 0.1
  })
}
if (type == "default") type <- if (ncol(X) < 500) "covariance" else "naive"
# no early end of the path: every lambda asked for is judged
glmnet.control(fdev = 0, devmax = 1 - 1e-12, eps = 1e-12, big = 9.9e35, mnlam = 1)

input <- file("stdin")
open(input)
while (length(line <- readLines(input, 1)) > 0) {
  if (is.list(family)) glmnet.control(epsnr = as.numeric(line), mxitnr = 1000)
  times <- system.time(
    model <- glmnet(X, y, family = family, alpha = as.numeric(args[4]), lambda = lambda,
                    standardize = FALSE, intercept = FALSE, maxit = 1e7,
                    thresh = as.numeric(line), type.gaussian = type)
  )
  beta <- model$beta
  if (is.list(beta)) beta <- do.call(rbind, beta)  # a matrix for each class
  con <- file(file.path(args[2], "coefs"), "wb")
  writeBin(c(ncol(beta), length(beta@x)), con)
  writeBin(as.integer(beta@p), con)
  writeBin(as.integer(beta@i), con)
  writeBin(as.double(beta@x), con)
  close(con)
  cat("seconds", times[["elapsed"]], times[["user.self"]] + times[["sys.self"]], "\n")
  flush(stdout())
}
