"""Every shape of an answer that is documented or was seen."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.job import Cost, GenerationId
from reeldrop.ports import Progress
from reeldrop.provider.wire import ANSWER_MAX, Answer, read_balance, read_error, read_generation

ASKED = GenerationId("asked")


def answer(body: object, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, named, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "QC4qjlUKt8ZedNi7r09LM", "status": "queued"}, "QC4qjlUKt8ZedNi7r09LM"),
        ({"generation_id": "old:minimax/x"}, "old:minimax/x"),
        ({"id": 7123456, "status": "queued"}, "7123456"),
        ({"id": "6a3a:klingai/video-o1"}, "6a3a:klingai/video-o1"),
        ({"id": "", "generation_id": "second"}, "second"),
    ],
)
def test_an_id_is_opaque(body: object, expected: str) -> None:
    """Four formats are in use; none may be lost, since it is what was paid for."""
    generation = read_generation(answer(body))

    assert generation is not None
    assert generation.id == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": ""},
        {"id": None, "status": "queued"},
        {"id": True},
        {"id": ["x"]},
        {"id": "a\nb"},
        {"id": "x" * 10_000},
        [],
        "queued",
        None,
    ],
)
def test_an_answer_without_an_id_is_no_generation(body: object) -> None:
    """Such a submit may have been paid for and cannot be followed: an unknown outcome."""
    assert read_generation(answer(body)) is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000, b" " * (ANSWER_MAX + 1)]
)
def test_what_is_no_json_is_no_generation(body: bytes) -> None:
    """A cut, foreign, nested or endless body must not raise."""
    assert read_generation(Answer(200, {}, body)) is None


@pytest.mark.parametrize("word", ["completed", "succeeded", "SUCCESS", "done", "ready", "finished"])
def test_known_successes_are_complete(word: str) -> None:
    """Several words are in use for the same thing."""
    found = read_generation(answer({"status": word, "video": {"url": "https://cdn/x.mp4"}}), ASKED)

    assert found is not None
    assert (found.progress, found.url) == (Progress.COMPLETED, "https://cdn/x.mp4")


@pytest.mark.parametrize("word", ["error", "failed", "Canceled", "timed_out", "expired"])
def test_known_failures_are_failed(word: str) -> None:
    """A failure must end the polling and say something, even where no reason is given."""
    found = read_generation(answer({"status": word, "error": None}), ASKED)

    assert found is not None
    assert found.progress is Progress.FAILED
    assert found.error is not None
    assert word in found.error.message


@pytest.mark.parametrize(
    "word", ["queued", "waiting", "active", "processing", "IN_QUEUE", "brewing"]
)
def test_every_other_word_is_still_running(word: str) -> None:
    """A new word must not throw away a generation that is paid for."""
    found = read_generation(answer({"status": word}), ASKED)

    assert found is not None
    assert (found.progress, found.status) == (Progress.RUNNING, word)


@pytest.mark.parametrize(
    ("video", "url"),
    [
        ({"url": "https://a/1.mp4", "content_type": "video/mp4"}, "https://a/1.mp4"),
        ([{"url": "https://a/1.mp4"}, {"url": "https://a/2.mp4"}], "https://a/1.mp4"),
        ([{"url": None}, {"url": "https://a/2.mp4"}], "https://a/2.mp4"),
        ([], None),
        (None, None),
        ({"url": ""}, None),
        ("https://a/1.mp4", None),
    ],
)
def test_the_result_is_an_object_a_list_or_null(video: object, url: str | None) -> None:
    """The newest schemas allow all three."""
    found = read_generation(answer({"status": "completed", "video": video}), ASKED)

    assert found is not None
    assert found.url == url


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ({"name": "Error", "message": "bad face"}, "bad face"),
        ({"name": "ModerationError", "message": "no"}, "no (ModerationError)"),
        (
            {"detail": [{"loc": ["body", "image_url"], "msg": "no face", "type": "t"}]},
            "body.image_url: no face",
        ),
        ({"detail": "too long"}, "too long"),
        ("plain words", "plain words"),
        ({"message": ["one", "two"]}, "one; two"),
    ],
)
def test_every_shape_of_a_failure_is_readable(error: object, message: str) -> None:
    """The reason is all that a person has to mend the drop."""
    found = read_generation(answer({"status": "error", "error": error}), ASKED)

    assert found is not None
    assert found.error is not None
    assert found.error.message == message


@pytest.mark.parametrize(
    ("usage", "headers", "cost"),
    [
        ({"credits_used": 3900000, "usd_spent": 1.95}, {}, Cost(3900000, 1.95)),
        ({"tokens_used": "1040000"}, {}, Cost(1040000, None)),
        (None, {"x_aimlapi_credits_used": "5", "x_aimlapi_usd_spent": "0.5"}, Cost(5, 0.5)),
        ({"credits_used": 1}, {"x_aimlapi_usd_spent": "2"}, Cost(1, 2)),
        ({"credits_used": "NaN", "usd_spent": -1}, {}, None),
        (None, {}, None),
    ],
)
def test_the_cost_is_read_wherever_it_stands(
    usage: object, headers: dict[str, str], cost: Cost | None
) -> None:
    """Bodies, older bodies and headers tell it; no price is ever guessed."""
    found = read_generation(
        answer({"status": "queued", "meta": {"usage": usage}}, **headers), ASKED
    )

    assert found is not None
    assert found.cost == cost


def test_the_id_that_was_asked_for_stands() -> None:
    """A poll's body may name another id or none; the paid one must not be forgotten."""
    found = read_generation(answer({"id": "", "status": "unknown"}), ASKED)

    assert found is not None
    assert found.id == ASKED


def test_a_poll_that_says_nothing_is_unreadable() -> None:
    """An empty object is asked again, not taken for progress."""
    assert read_generation(answer({}), ASKED) is None


@pytest.mark.parametrize(
    ("body", "balance"),
    [
        ({"current_balance": 12.5, "currency": "USD"}, (12.5, "USD")),
        ({"current_balance": "-0.5"}, (-0.5, "USD")),
        ({"current_balance": None}, None),
        ({"current_balance": "NaN"}, None),
        ([], None),
    ],
)
def test_the_balance_is_a_number(body: object, balance: tuple[float, str] | None) -> None:
    """`check` shows it; an account in the red is possible."""
    assert read_balance(answer(body)) == balance


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "status",
                    "video",
                    "url",
                    "error",
                    "message",
                    "detail",
                    "meta",
                    "usage",
                    "credits_used",
                    "data",
                    "path",
                    "loc",
                    "msg",
                    "name",
                    "kind",
                    "statusCode",
                ]
            )
            | st.text(),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(_json)
def test_no_json_makes_the_readers_raise(value: object) -> None:
    """What the API sends tomorrow must end in a verdict, never in a traceback."""
    body = json.dumps(value).encode()

    generation = read_generation(Answer(200, {}, body))
    error = read_error(body)

    assert generation is None or generation.id
    assert error is None or len(error.message) <= 600


def test_a_list_of_messages_is_told_where_error_is_only_a_title() -> None:
    """The reason a person needs stood behind the words "Bad Request"."""
    body = b'{"statusCode":400,"message":["prompt too rude","b"],"error":"Bad Request"}'
    error = read_error(body)
    assert error is not None
    assert error.message == "prompt too rude; b"
