# Rscript glmnet.R FOLDER: fits each case, a folder of text files below FOLDER, with
# glmnet and adds coefs.txt (a row a column of X, of one class after another; a column a
# lambda) and intercepts.txt to it; writes versions.txt.  solve_glmnet.py makes the cases.
suppressMessages({library(glmnet); library(survival)})
# all lambdas that are asked for, each until it is solved; no probability cut off
glmnet.control(fdev = 0, devmax = 1 - 1e-15, eps = 1e-15, big = 9.9e35, mnlam = 1,
               pmin = 1e-15, epsnr = 1e-15, mxitnr = 1000)

root <- commandArgs(TRUE)[1]
for (case in list.dirs(root, recursive = FALSE)) {
  read <- function(name) {
    path <- file.path(case, paste0(name, ".txt"))
    if (file.exists(path)) as.matrix(read.table(path))
  }
  write <- function(values, name) {
    write.table(format(values, digits = 15, scientific = TRUE),
                file.path(case, paste0(name, ".txt")),
                quote = FALSE, row.names = FALSE, col.names = FALSE)
  }
  settings <- scan(file.path(case, "settings.txt"), what = "", quiet = TRUE)
  family <- settings[1]
  X <- unname(read("X"))
  y <- unname(read("y"))
  if (family == "cox") {  # event, time, perhaps entry
    y <- if (ncol(y) == 2) Surv(y[, 2], y[, 1]) else Surv(y[, 3], y[, 2], y[, 1])
    if (!is.null(read("strata"))) y <- stratifySurv(y, drop(read("strata")))
  } else {
    y <- drop(y)
  }
  given <- function(name, default) if (is.null(read(name))) default else drop(read(name))
  p <- ncol(X)
  limits <- list(lower = given("lower", rep(-Inf, p)), upper = given("upper", rep(Inf, p)))
  fit <- glmnet(X, y, family = family, alpha = as.numeric(settings[2]),
                lambda = drop(read("lambda")), standardize = settings[3] == "True",
                intercept = settings[4] == "True", thresh = 1e-18, maxit = 1e8,
                weights = given("weights", NULL), offset = given("offset", NULL),
                penalty.factor = given("penalty_factor", rep(1, p)),
                lower.limits = limits$lower, upper.limits = limits$upper)
  beta <- if (is.list(fit$beta)) do.call(rbind, lapply(fit$beta, as.matrix)) else fit$beta
  write(as.matrix(beta), "coefs")
  if (family != "cox") write(fit$a0, "intercepts")
}
versions <- c(R = paste(R.version$major, R.version$minor, sep = "."),
              glmnet = as.character(packageVersion("glmnet")))
writeLines(paste(names(versions), versions), file.path(root, "versions.txt"))
