"""Plans are kept under everything that makes them valid, and never given out when anything is off."""

import dataclasses
import os

import pytest

from lensd.engine.plan_cache import PlanCache, PlanKey

KEY = PlanKey("ab" * 32, "tensorrt-rtx", "1.7.1.116", "8.9", "", 13010)


@pytest.fixture
def cache(tmp_path):
    return PlanCache(tmp_path / "plans")


def test_what_was_stored_is_loaded(cache):
    cache.store(KEY, b"a plan" * 1000)
    assert cache.load(KEY) == b"a plan" * 1000


def test_there_is_nothing_before(cache):
    assert cache.load(KEY) is None


@pytest.mark.parametrize(
    "change",
    [
        {"network_sha256": "cd" * 32},
        {"runtime": "tensorrt"},
        {"version": "1.7.2"},
        {"compute_capability": "12.0"},
        {"gpu": "NVIDIA GeForce RTX 4070"},
        {"driver": 13020},
        {"flags": ("strip",)},
    ],
)
def test_a_key_that_differs_in_anything_has_another_plan(cache, change):
    cache.store(KEY, b"plan")
    other = dataclasses.replace(KEY, **change)
    assert cache.load(other) is None
    assert cache.load(KEY) == b"plan"


def test_every_field_of_the_key_is_tried_above():
    tried = {"network_sha256", "runtime", "version", "compute_capability", "gpu", "driver", "flags"}
    assert {field.name for field in dataclasses.fields(PlanKey)} == tried


@pytest.mark.parametrize("position", [0, 30, -1])
def test_one_wrong_byte_anywhere_and_the_plan_is_built_again(cache, position, caplog):
    cache.store(KEY, b"plan" * 100)
    content = bytearray(cache.path(KEY).read_bytes())
    content[position] ^= 1
    cache.path(KEY).write_bytes(content)
    assert cache.load(KEY) is None
    assert "corrupt or foreign" in caplog.text
    assert not cache.path(KEY).exists()


@pytest.mark.parametrize("kept", [0, 10, 300, 500])
def test_a_plan_cut_short_is_built_again(cache, kept):
    cache.store(KEY, b"plan" * 100)
    cache.path(KEY).write_bytes(cache.path(KEY).read_bytes()[:kept])
    assert cache.load(KEY) is None


def test_the_plan_of_another_key_under_this_name_is_built_again(cache):
    other = dataclasses.replace(KEY, driver=13020)
    cache.store(other, b"plan")
    cache.path(other).rename(cache.path(KEY))
    assert cache.load(KEY) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")
def test_the_plan_of_another_user_is_built_again(cache):
    cache.store(KEY, b"plan")
    os.chown(cache.path(KEY), 1234, 1234)
    assert cache.load(KEY) is None


def test_plans_are_private(cache):
    cache.store(KEY, b"plan")
    assert cache.path(KEY).stat().st_mode & 0o777 == 0o600
    assert cache.path(KEY).parent.stat().st_mode & 0o777 == 0o700


def test_the_plans_used_longest_ago_go_first(tmp_path):
    cache = PlanCache(tmp_path, kept_bytes=3500)
    keys = [dataclasses.replace(KEY, driver=driver) for driver in range(4)]
    for age, key in enumerate(keys[:3]):
        cache.store(key, bytes(700))
        os.utime(cache.path(key), (1000 + age, 1000 + age))
    assert cache.load(keys[0]) is not None  # used now, so key 1 is the oldest
    cache.store(keys[3], bytes(700))
    assert [cache.load(key) is not None for key in keys] == [True, False, True, True]


def test_a_plan_too_large_for_the_cache_still_stays(tmp_path):
    cache = PlanCache(tmp_path, kept_bytes=10)
    cache.store(KEY, bytes(1000))
    assert cache.load(KEY) == bytes(1000)


def test_a_folder_that_cannot_be_made_costs_only_the_keeping(tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    cache = PlanCache(tmp_path / "file" / "plans")
    cache.store(KEY, b"plan")
    assert "could not be kept" in caplog.text
    assert cache.load(KEY) is None


def test_the_cache_lives_in_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert PlanCache().path(KEY).is_relative_to(tmp_path / "lensd" / "plans")
