"""A page process with its stand-in keeper, and somebody who looks at it."""

import pytest

from tests.page.standin_keeper import Browser, PictureSource, StandInKeeper


@pytest.fixture(scope="module")
def lenses(tmp_path_factory):
    """The user's lenses folder of this module's pages."""
    folder = tmp_path_factory.mktemp("data") / "lensd" / "lenses"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def running(lenses):
    """One page for the whole module: it takes half a second to start."""
    standin = StandInKeeper(data_home=lenses.parents[1])
    yield standin
    standin.close()


@pytest.fixture
def keeper(running):
    """The module's page, and nothing asked of its keeper yet."""
    running.event("ready")
    running.requests.clear()
    return running


@pytest.fixture
def mortal(lenses):
    """A page of the test's own, to be ended."""
    standin = StandInKeeper(data_home=lenses.parents[1])
    standin.event("ready")
    yield standin
    standin.close()


@pytest.fixture
def source():
    pictures = PictureSource().start()
    yield pictures
    pictures.close()


@pytest.fixture
def browser(keeper):
    client = Browser(keeper.address()).enter()
    yield client
    client.close()
