"""Documents as large as they may be that are made to take long: the time grows with their length, and not with its square."""

import pytest

from domain.billing.reading import MOST_ENTRIES, read_billing
from domain.imports.json_text import RepeatingObject, parse_json
from domain.imports.problems import LONGEST_PATH
from domain.imports.reading import read_document
from domain.imports.refusals import MOST_PROBLEMS, ImportMalformed

LARGEST = 8 << 20
PIECES = 200_000


@pytest.mark.timeout(60)
def test_names_written_twice_are_found_in_one_go() -> None:
    names = ",".join(f'"{name:x}":1' for name in [*range(PIECES), *range(PIECES)])
    parsed = parse_json(f"{{{names}}}".encode())
    assert isinstance(parsed, RepeatingObject)
    assert len(parsed.repeated) == PIECES


@pytest.mark.timeout(60)
@pytest.mark.parametrize("inner", ["[]", '"a"', "{}"])
def test_a_name_of_megabytes_is_not_written_out_for_all_that_is_under_it(inner: str) -> None:
    name = "n" * (LARGEST // 2)
    content = f'{{"organizations":[{{"{name}":[{",".join([inner] * PIECES)}]}}]}}'.encode()
    found = read_document(content).problems
    assert {problem.refusal.code for problem in found} == {"field_missing", "field_unknown"}
    with pytest.raises(ImportMalformed):
        read_billing(content)


def test_the_path_of_a_problem_is_as_long_as_a_person_reads() -> None:
    deep = '{"inner":' * 300 + '"\\u0000"' + "}" * 300
    with pytest.raises(ImportMalformed) as refused:
        read_document(f'{{"{"n" * 1000}":1,"policies":{deep}}}'.encode())
    assert max(len(problem.path) for problem in refused.value.problems) <= 2 * LONGEST_PATH


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["organizations", "contracts", "subscriptions", "invoices", "queues"])
def test_an_import_of_problems_alone_is_read_no_further_than_anybody_reads_them(kind: str) -> None:
    content = f'{{"{kind}":[{",".join("1" * (LARGEST // 2))}]}}'.encode()
    with pytest.raises(ImportMalformed) as refused:
        read_document(content)
    assert len(refused.value.problems) == MOST_PROBLEMS


@pytest.mark.timeout(60)
def test_the_problems_of_one_value_are_counted_where_they_are_too_many_to_list() -> None:
    fields = ",".join(f'"{name:x}":1' for name in range(PIECES))
    content = f'{{"organizations":[{{{fields}}}]}}'.encode()
    assert "200,007 problems" in str(read_document(content).problems[-1].refusal)
    feed = read_billing(f'{{"source":"s","sequence":1,"lines":[{{{fields}}}]}}'.encode())
    assert [len(entry.problems) for entry in feed.entries] == [1]


def test_a_billing_document_has_a_largest_number_of_lines() -> None:
    lines = ",".join("1" * (MOST_ENTRIES + 1))
    with pytest.raises(ImportMalformed, match="20,000 lines at most, and this one has 20,001"):
        read_billing(f'{{"source":"s","sequence":1,"lines":[{lines}]}}'.encode())


def test_an_entry_shows_its_first_problems_and_after_a_thousand_refused_ones_its_first() -> None:
    wrong = "{" + ",".join(f'"f{name}":1' for name in range(30)) + "}"
    feed = read_billing(f'{{"source":"s","sequence":1,"lines":[{",".join([wrong] * 1001)}]}}'.encode())
    assert [len(entry.problems) for entry in feed.entries] == [20] * 1000 + [1]
