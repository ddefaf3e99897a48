"""One at a time, in the order of arrival, and no dead process in the way."""

import threading
import time
from contextlib import ExitStack

import pytest

from storage.errors import GovpulseError
from storage.lock import fair_lock

COUNT_UP = """
import sys
from pathlib import Path
from storage.lock import fair_lock
lock, counter = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(50):
    with fair_lock(lock, 60):
        counter.write_text(str(int(counter.read_text()) + 1))
"""

HOLD = """
import sys, time
from pathlib import Path
from storage.lock import fair_lock
with fair_lock(Path(sys.argv[1]), 60):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "private" / "some.lock"


def tickets(lock):
    queue = lock.with_name(lock.name + ".queue")
    return [path.name for path in queue.iterdir() if not path.name.startswith(".")] if queue.exists() else []


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.005)


def test_six_processes_lose_no_update_in_three_hundred_turns(tmp_path, lock, python):
    counter = tmp_path / "counter"
    counter.write_text("0")
    with ExitStack() as stack:
        processes = [stack.enter_context(python(COUNT_UP, lock, counter)) for _ in range(6)]
        assert [process.wait(60) for process in processes] == [0] * 6
    assert counter.read_text() == "300"
    assert tickets(lock) == []


def test_waiters_are_served_in_the_order_of_arrival_before_a_holder_that_comes_back_at_once(lock):
    served: list[str] = []

    def wait_in_line(name: str) -> None:
        with fair_lock(lock, 30):
            served.append(name)

    waiters = [threading.Thread(target=wait_in_line, args=(str(number),)) for number in range(5)]
    with fair_lock(lock, 30):
        for number, waiter in enumerate(waiters):
            waiter.start()
            wait_until(lambda expected=number + 2: len(tickets(lock)) == expected)
    wait_in_line("the holder again")
    for waiter in waiters:
        waiter.join()
    assert served == ["0", "1", "2", "3", "4", "the holder again"]


def test_threads_of_one_process_exclude_each_other(lock):
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        with fair_lock(lock, 30):
            inside += 1
            most = max(most, inside)
            time.sleep(0.005)
            inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_waiting_ends_in_one_line_and_leaves_the_queue(lock):
    with fair_lock(lock, 1), pytest.raises(GovpulseError, match="stayed busy") as caught, fair_lock(lock, 0.1):
        pass
    assert "\n" not in str(caught.value)
    assert tickets(lock) == []


def test_without_its_ticket_a_holder_still_keeps_the_others_out(lock):
    """As after a clock step, when a later ticket sorts first: order may suffer, exclusion never."""
    with fair_lock(lock, 1):
        for name in tickets(lock):
            (lock.with_name(lock.name + ".queue") / name).unlink()
        with pytest.raises(GovpulseError), fair_lock(lock, 0.1):
            pass


def test_an_error_inside_frees_the_lock(lock):
    with pytest.raises(ZeroDivisionError), fair_lock(lock, 1):
        raise ZeroDivisionError
    with fair_lock(lock, 0):
        assert len(tickets(lock)) == 1


def test_a_killed_holder_frees_the_lock(lock, python):
    with python(HOLD, lock) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(GovpulseError), fair_lock(lock, 0.1):
            pass
        holder.kill()
        holder.wait()
        with fair_lock(lock, 2):
            pass


def test_a_killed_waiter_does_not_hold_up_the_others(lock, python):
    with fair_lock(lock, 1), python(HOLD, lock) as waiter:
        wait_until(lambda: len(tickets(lock)) == 2)
        waiter.kill()
        waiter.wait()
    assert len(tickets(lock)) == 1, "the dead waiter's ticket is still there"
    with fair_lock(lock, 2):
        assert len(tickets(lock)) == 1, "and now it is gone"
