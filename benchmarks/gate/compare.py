"""Two counts side by side, and where a workload rose the functions it rose in."""

from math import exp, log

LIMIT = 0.5  # percent
WORST = 5  # functions shown of a workload that rose


def compare(base, head, limit=LIMIT):
    """(lines of a report, names of what failed) for two counts as `count` makes them.

    A workload fails where its instructions rose by more than `limit` percent, and where
    it runs on the base but not on the head.
    """
    differ = [
        f"{key} ({base['toolchain'].get(key)}, {head['toolchain'].get(key)})"
        for key in sorted({*base["toolchain"], *head["toolchain"]})
        if base["toolchain"].get(key) != head["toolchain"].get(key)
    ]
    if differ:
        raise SystemExit(f"the counts are not comparable: {', '.join(differ)} differ")
    report = [f"{'workload':<24}{'level':<10}{'base':>13}{'head':>13}{'ratio':>9}"]
    failed, means = [], []
    for level, of_base in base["counts"].items():
        ratios = []
        of_head = head["counts"].get(level, {})
        for name, before in of_base.items():
            if name not in of_head:
                why = head["failed"].get(level, {}).get(name, "not counted")
                report.append(f"{name:<24}{level:<10}DOES NOT RUN: {why}")
                failed.append(f"{name} {level}")
                continue
            old, new = sum(before.values()), sum(of_head[name].values())
            ratios.append(new / old)
            rose = 100 * (new - old) > limit * old
            report.append(
                f"{name:<24}{level:<10}{old:>13,}{new:>13,}{new / old:>9.4f}"
                f"{'  ROSE' if rose else ''}"
            )
            if rose:
                failed.append(f"{name} {level}")
                report += worst_functions(before, of_head[name])
        for name, why in head["failed"].get(level, {}).items():
            if name not in of_base:
                report.append(f"{name:<24}{level:<10}runs on neither: {why}")
        new_names = [name for name in of_head if name not in of_base]
        report += [f"{name:<24}{level:<10}not in the base" for name in new_names]
        if ratios:
            mean = exp(sum(map(log, ratios)) / len(ratios))
            means.append(f"geometric mean at {level}: {mean:.4f}")
    return report + ["", *means], failed


def worst_functions(before, after):
    """Lines for the functions of a workload that rose most, in instructions."""
    rises = {
        name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}
    }
    worst = sorted(rises, key=lambda name: (-rises[name], name))[:WORST]
    return [
        f"    {rises[name]:>+12,}  {name}  "
        f"({before.get(name, 0):,} to {after.get(name, 0):,})"
        for name in worst
        if rises[name] > 0
    ]
