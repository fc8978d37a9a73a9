"""News of devices: by netlink where there is one, by looking elsewhere."""

from lensd.v4l2 import hotplug, nodes
from lensd.v4l2.hotplug import DeviceNews


def plug(folder, name):
    (folder / name).mkdir(parents=True)
    (folder / name / "name").write_text("Cam\n")


def test_without_netlink_a_new_device_is_seen_by_looking(tmp_path, monkeypatch):
    monkeypatch.setattr(nodes, "SYSFS", tmp_path)
    monkeypatch.setattr(hotplug, "_LOOK_S", 0.0)
    news = DeviceNews(listen=False)
    assert (news.told_by, news.changed()) == ("looking", False)
    plug(tmp_path, "video0")
    assert news.changed()
    assert not news.changed()


def test_listening_says_nothing_where_nothing_happens_and_ends():
    news = DeviceNews()
    assert news.told_by in {"udev", "kernel", "looking"}  # a sandbox without netlink looks
    assert not news.changed()
    news.close()
    assert news.told_by == "looking"
