"""The part of the open files that clients may take."""

import resource

from gateway.server.room import SPARE_FILES, files_for_clients, files_for_operators, open_files


def test_what_the_upstream_and_we_need_is_not_for_clients() -> None:
    assert files_for_clients(20_000, 4096) == 20_000 - 4096 - SPARE_FILES


def test_half_is_for_clients_where_the_system_allows_few() -> None:
    assert files_for_clients(1024, 4096) == 512


def test_operators_are_served_where_clients_and_the_upstream_have_taken_theirs() -> None:
    for files in (20_000, 8192, 1024, 256):
        assert files_for_clients(files, 4096) < files_for_operators(files) < files
    assert files_for_operators(20_000) - files_for_clients(20_000, 4096) - 4096 == SPARE_FILES // 2


def test_the_limit_that_counts_is_the_one_in_force() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        assert open_files() == soft - 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
