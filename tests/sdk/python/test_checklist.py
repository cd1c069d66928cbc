"""Looks back at the run: were the answers checked that were to be?"""

import pytest
import schemas


@pytest.mark.c08(37, 38, 44, 45, 46)
def test_every_kind_of_answer_was_checked(request):
    """The hook in the HTTP clients checks each answer that is no stream; here it tells that it was called."""
    if len(request.session.items) < 500:
        pytest.skip("only a part of the tests runs")
    for kind in (*set(schemas.PATHS.values()), "Model", "400", "401", "403", "404", "405", "413", "415", "429", "502", "503", "504"):
        assert schemas.SEEN[kind], f"no {kind} was seen"
    assert sum(schemas.SEEN.values()) > 500
