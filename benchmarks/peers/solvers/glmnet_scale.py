"""glmnet's elastic net on the scale of this benchmark."""


def glmnet_scale(problem, spread):
    """``(lambdas, alpha)`` for which glmnet minimizes ``problem``'s objective.

    For the squared loss glmnet divides y by its ``spread`` and not the l2 weight, which
    is then ``lambda (1 - alpha) / spread`` on the scale of y; l1 is not affected.
    """
    l1_ratio = problem.l1_ratio
    if problem.loss != "squared" or l1_ratio == 1.0:
        return problem.alphas, l1_ratio
    total = l1_ratio + (1 - l1_ratio) * spread
    return problem.alphas * total, l1_ratio / total
