"""Which way is tried first, by what was measured."""

from dataclasses import replace

from lensd.tuning.notes import Measured, Way
from lensd.tuning.order import order_of

SAFE, INT8, VINO, PLAN = (
    Way("onnxruntime", "float32"),
    Way("onnxruntime", "int8"),
    Way("openvino", "float32"),
    Way("tensorrt-rtx", "float16"),
)
WAYS = (PLAN, VINO, SAFE, INT8)


def known(**ms):
    rows = {"safe": SAFE, "int8": INT8, "vino": VINO, "plan": PLAN}
    found = {}
    for name, told in ms.items():
        time_ms, load_ms = told if isinstance(told, tuple) else (told, 100.0)
        found[rows[name]] = Measured(*rows[name], ms=time_ms, load_ms=load_ms, why="" if time_ms else "refused")
    return found


def order(found, failed=(), patient=False, ways=WAYS):
    return order_of(SAFE, ways, found, failed, patient=patient)


def test_while_nothing_is_known_the_safe_way_goes_first_and_nothing_is_best():
    assert order({}) == ((SAFE,), None)


def test_the_fastest_goes_first_and_the_others_follow_by_their_time():
    assert order(known(safe=5.0, int8=3.5, vino=4.4)) == ((INT8, VINO, SAFE), INT8)


def test_what_was_refused_or_has_failed_since_is_left_out():
    assert order(known(safe=5.0, int8=None, vino=4.4)) == ((VINO, SAFE), VINO)
    assert order(known(safe=5.0, int8=3.5, vino=4.4), failed={INT8}) == ((VINO, SAFE), VINO)


def test_a_difference_within_what_a_measurement_is_off_by_changes_nothing():
    assert order(known(safe=5.0, vino=4.6)).best == SAFE


def test_of_those_as_fast_as_the_fastest_the_most_exact_is_best():
    found = known(safe=5.0, int8=2.77, vino=2.89)
    found = {way: replace(row, psnr_db=50.7 if way == INT8 else 62.3) for way, row in found.items()}
    assert order(found).best == VINO
    found[VINO] = replace(found[VINO], ms=3.2)
    assert order(found).best == INT8


def test_one_that_takes_long_to_load_waits_until_a_quick_one_is_on_air():
    found = known(safe=5.0, int8=3.5, plan=(0.4, 2000.0))
    assert order(found) == ((INT8, PLAN, SAFE), PLAN)
    assert order(found, patient=True).ways[0] == PLAN
    assert order(known(plan=(0.4, 2000.0))).ways == (SAFE, PLAN)


def test_a_plan_that_was_asked_for_by_name_is_wanted_however_fast_the_processor_is():
    assert order(known(safe=0.1, plan=0.4), ways=(PLAN,), patient=True) == ((PLAN, SAFE), PLAN)
