import json

import pytest

from lensd.errors import ConfigError, MediaError
from trainer.dataset.split import group_by_column, group_by_pattern, read_list, split, write_list

GROUPS = {f"picture{number}": f"person{number // 3}" for number in range(90)}


def test_nobody_is_in_two_parts_and_the_shares_are_met():
    phases = split(GROUPS, 0.1, 0.2, 0)
    sides = {}
    for name, phase in phases.items():
        sides.setdefault(GROUPS[name], set()).add(phase)
    assert all(len(side) == 1 for side in sides.values())
    counts = [list(phases.values()).count(phase) for phase in ("train", "val", "test")]
    assert counts == [63, 9, 18]


def test_the_same_seed_deals_the_same_whatever_the_order_of_the_files():
    again = split(dict(reversed(GROUPS.items())), 0.1, 0.2, 0)
    assert again == split(GROUPS, 0.1, 0.2, 0)
    assert split(GROUPS, 0.1, 0.2, 1) != split(GROUPS, 0.1, 0.2, 0)


def test_no_part_is_empty_however_few_there_are():
    assert sorted(split({"a": "a", "b": "b", "c": "c"}, 0.01, 0.01, 5).values()) == ["test", "train", "val"]
    with pytest.raises(ConfigError, match="2 groups for 3 parts"):
        split({"a": "a", "b": "b"}, 0.1, 0.1, 0)
    with pytest.raises(ConfigError, match="leave nothing for training"):
        split(GROUPS, 0.5, 0.5, 0)


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_a_list_is_read_as_it_was_written(suffix, tmp_path):
    phases = split(GROUPS, 0.1, 0.2, 0)
    write_list(tmp_path / f"list.{suffix}", phases, GROUPS)
    assert read_list(tmp_path / f"list.{suffix}") == (phases, GROUPS)


def test_lists_that_are_none_are_refused(tmp_path):
    (tmp_path / "a.json").write_text("[1")
    (tmp_path / "b.json").write_text(json.dumps({"phases": {"../../x": ["a"]}, "groups": {}}))
    (tmp_path / "c.csv").write_text("name\n1\n")
    for name, why in (("a.json", "is no list"), ("b.json", "none of train, val, test"), ("c.csv", "no column 'file'")):
        with pytest.raises(MediaError, match=why):
            read_list(tmp_path / name)
    with pytest.raises(ConfigError, match=r"\.csv or a \.json"):
        write_list(tmp_path / "a.txt", {}, {})


def test_groups_come_from_a_table_or_from_the_name(tmp_path):
    (tmp_path / "index.csv").write_text("file,person\na.png,ann\nb.png,bob\n")
    assert group_by_column(tmp_path / "index.csv", "person") == {"a": "ann", "b": "bob"}
    with pytest.raises(MediaError, match="no column 'group'; it has file, person"):
        group_by_column(tmp_path / "index.csv", "group")
    assert group_by_pattern(["ann_1", "bob_2"], "^([^_]+)_") == {"ann_1": "ann", "bob_2": "bob"}
    for pattern, why in (("(", "no regular expression"), ("ann", "no brackets"), ("(x)", "finds nothing in ann_1")):
        with pytest.raises(ConfigError, match=why):
            group_by_pattern(["ann_1"], pattern)
