"""Compares what bench/speed.py measured with bench/budgets.toml: `make bench-check`, or `bench/check.py RESULT.json`.

RESULT is what `make bench` printed (its last line counts). Without one, bench/speed.py --quick is run. Prints each
figure as a share of its budget, 1 being all of it; ends with 1 where one is over it by more than the tolerance.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

_REFERENCE_GMACS = 45.0
_OF_A_CORE = ("cpu_ms_median", "cpu_ms_p95")


def class_of(budgets, gmacs):
    """Return name and rules of the machine's class."""
    for name, rules in budgets["class"].items():
        low, high = rules["gmacs"]
        if low <= gmacs < high:
            return name, rules
    raise SystemExit(f"no class of bench/budgets.toml has {gmacs} GMAC/s")


def compared(result, budgets):
    """Yield (name, measured, budget, share), what was measured scaled to the reference machine."""
    _, rules = class_of(budgets, result["machine_gmacs"])
    scale = min(result["machine_gmacs"] / _REFERENCE_GMACS, rules["scale_max"])

    def walk(budget, measured, path):
        for key, most in budget.items():
            if isinstance(most, dict):
                yield from walk(most, measured[key], (*path, key))
            else:
                value = measured[key] * (scale if key in _OF_A_CORE else 1.0)
                share = value / most if most else float(value > 0) * 2
                yield " ".join((*path, key)), value, most, share

    yield from walk(budgets["budget"], result, ())
    for key, least in budgets["at_least"].items():
        yield f"{key}, at least", result[key], least, least / result[key]


def last_line(text):
    """Return the JSON in which a run of bench/speed.py ends."""
    lines = text.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise SystemExit("that is no result of bench/speed.py: its last line is not JSON")
    return json.loads(lines[-1])


def main():
    """Compare and print."""
    here = Path(__file__).parent
    budgets = tomllib.loads((here / "budgets.toml").read_text())
    if sys.argv[1:]:
        text = Path(sys.argv[1]).read_text()
    else:
        text = subprocess.run(
            [sys.executable, str(here / "speed.py"), "--quick"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    result = last_line(text)
    name, rules = class_of(budgets, result["machine_gmacs"])
    print(f"a machine of class {name}: {result['machine_gmacs']} GMAC/s, tolerance {rules['tolerance']:.0%}")
    over = 0
    for what, value, budget, share in compared(result, budgets):
        bad = share > 1 + rules["tolerance"]
        over += bad
        print(f"{'OVER' if bad else 'ok':5}{what:40}{value:10.2f} of {budget:8.2f}{share:8.2f}")
    if over:
        raise SystemExit(f"{over} over the budget")


if __name__ == "__main__":
    main()
