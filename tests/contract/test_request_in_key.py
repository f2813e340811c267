"""Keys of steps: no request is taken for another one with something added."""

from hypothesis import example, given
from hypothesis import strategies as st

from contract.steps import request_in_key

IDS = st.text(alphabet="ab:%", max_size=8)


def test_ids_as_our_client_makes_them_stay_as_they_are() -> None:
    assert request_in_key("answer", "answer:ticket-7") == "answer:ticket-7"


@given(one=IDS, other=IDS, added=st.sampled_from(["", ":refused", ":tried", ":not_running", ":corrected"]))
@example(one="a:q", other="a:q:refused", added=":refused")
@example(one="q", other="q:refused", added=":refused")
@example(one="a:%3A", other="a::", added="")
@example(one="%:a", other="a", added="")
def test_two_ids_never_make_one_key(one: str, other: str, added: str) -> None:
    made = request_in_key("a", one) + added, request_in_key("a", other)
    assert (made[0] == made[1]) == (one == other and not added)
