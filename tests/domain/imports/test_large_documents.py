"""Documents as large as they may be that are made to take long: the time grows with their length, and not with its square."""

import pytest

from domain.billing.reading import read_billing
from domain.imports.json_text import RepeatingObject, parse_json
from domain.imports.problems import LONGEST_PATH
from domain.imports.reading import read_document
from domain.imports.refusals import ImportMalformed

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
