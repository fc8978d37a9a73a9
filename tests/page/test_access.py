from lensd.page.access import MAX_SESSIONS, MAX_TOKENS, TOKEN_LIFE_S, Access


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def test_a_token_opens_one_session_and_no_second():
    access = Access()
    token = access.token()
    session = access.exchange(token)
    assert session
    assert access.admits(session)
    assert access.exchange(token) is None


def test_a_token_ends_after_ten_minutes():
    clock = Clock()
    access = Access(clock)
    early, late = access.token(), access.token()
    clock.now_s += TOKEN_LIFE_S - 1
    assert access.exchange(early)
    clock.now_s += 2
    assert access.exchange(late) is None


def test_a_session_outlives_its_token():
    clock = Clock()
    access = Access(clock)
    session = access.exchange(access.token())
    clock.now_s += TOKEN_LIFE_S * 10
    assert access.admits(session)


def test_nothing_else_is_admitted():
    access = Access()
    token = access.token()
    session = access.exchange(access.token())
    for wrong in ("", "x", token, session[:-1], session + "x", session.upper(), "ü" * 43, "\udc80", "x" * 10_000):
        assert not access.admits(wrong)
        assert wrong == token or access.exchange(wrong) is None


def test_of_too_many_tokens_and_sessions_the_oldest_are_forgotten():
    access = Access()
    tokens = [access.token() for _ in range(MAX_TOKENS + 1)]
    assert access.exchange(tokens[0]) is None
    sessions = [access.exchange(token) for token in tokens[1:]]
    assert [access.admits(session) for session in sessions] == [False] * (MAX_TOKENS - MAX_SESSIONS) + [
        True
    ] * MAX_SESSIONS


def test_tokens_are_long_and_never_the_same():
    access = Access()
    tokens = {access.token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43  # 256 bits
