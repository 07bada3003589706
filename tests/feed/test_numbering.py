"""The feed's numbers follow the commits: a reader that resumes anywhere misses nothing.

Writers run at once, each in a transaction of its own, and commit or roll back in any order; the
database decides who waits for whom. A reader polls between all steps and remembers only the
number it has come to. The same steps with numbers from a sequence lose changes, which is why the
feed has a counter row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.db import Database
from server.feed import note
from server.feed.queries import changes_after, newest_seq
from tests.companies import PeopledCompany
from tests.feed.conftest import WITHIN_S, say, say_and_regret

pytestmark = pytest.mark.anyio

WRITERS = 4


@dataclass
class Writer:
    """One transaction, taken step by step: begin, number (the feed's last lock), end."""

    database: Database
    company: PeopledCompany
    word: str
    gates: dict[str, asyncio.Event] = field(
        default_factory=lambda: {"act": asyncio.Event(), "end": asyncio.Event()}
    )
    commits: bool = True
    task: asyncio.Task[bool] | None = None

    async def live(self) -> bool:
        """Run the transaction; True if it was committed."""
        try:
            async with self.database.begin(self.company.system) as tx:
                await self.gates["act"].wait()
                note(tx, self.word)
                # The append runs as the block ends; what comes after it must be the commit alone.
                closing = list(tx.closing)
                tx.closing.clear()
                for close in closing:
                    await close(tx)
                await self.gates["end"].wait()
                if not self.commits:
                    raise _ChangedMind
        except _ChangedMind:
            return False
        return True


class _ChangedMind(Exception):
    """A writer rolls back."""


@dataclass
class FeedReader:
    """Reads what is committed after the number it has come to."""

    database: Database
    company: PeopledCompany
    seq: int
    words: list[str] = field(default_factory=list)

    async def poll(self) -> None:
        """Take what is there."""
        async with self.database.begin(self.company.system) as tx:
            for change in await changes_after(tx, self.seq, crew_id=None):
                assert change.seq > self.seq
                self.seq = change.seq
                assert change.body is not None
                self.words.append(str(change.body, "utf-8").split('"verb":"')[1].split('"')[0])


steps = st.lists(
    st.tuples(st.integers(0, WRITERS - 1), st.sampled_from(["begin", "act", "end"])),
    min_size=WRITERS,
    max_size=WRITERS * 5,
)


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=steps,
    commits=st.lists(st.booleans(), min_size=WRITERS, max_size=WRITERS),
    data=st.data(),
)
async def test_a_reader_resuming_anywhere_sees_every_commit_once_in_order(
    changming: Database,
    company: PeopledCompany,
    steps: Sequence[tuple[int, str]],
    commits: list[bool],
    data: st.DataObject,
) -> None:
    async with changming.begin(company.system) as tx:
        start = await newest_seq(tx)
    readers = [FeedReader(changming, company, start)]
    writers = [Writer(changming, company, f"w{n}", commits=commits[n]) for n in range(WRITERS)]
    for number, step in [
        *steps,
        *((n, s) for n in range(WRITERS) for s in ("begin", "act", "end")),
    ]:
        writer = writers[number]
        if step == "begin" and writer.task is None:
            writer.task = asyncio.create_task(writer.live())
        elif step != "begin":
            writer.gates[step].set()
        # The reader's way to the database and back is the writers' time to get on.
        await readers[0].poll()
        # Somebody may connect at any moment, with what the snapshot says is the newest number.
        async with changming.begin(company.system) as tx:
            readers.append(FeedReader(changming, company, await newest_seq(tx)))
    async with asyncio.timeout(WITHIN_S):
        done = await asyncio.gather(*(writer.task for writer in writers if writer.task))
    assert list(done) == commits
    first = readers[0]
    for reader in readers:
        await reader.poll()
    assert sorted(first.words) == sorted(f"w{n}" for n in range(WRITERS) if commits[n])
    assert first.seq == start + sum(commits), "numbers have no holes"
    for reader in readers:
        missed = len(first.words) - len(reader.words)
        assert reader.words == first.words[missed:]
    # An offset, as the numbers themselves go on from example to example.
    resume_at = start + data.draw(st.integers(0, sum(commits)))
    late = FeedReader(changming, company, resume_at)
    await late.poll()
    assert late.words == first.words[resume_at - start :]


# --- why a counter row, and not a sequence ---


@pytest.fixture
def two_tables(superuser: psycopg.Connection) -> None:
    """Two tables of words: one numbered by a sequence, one by a counter row."""
    for statement in (
        "CREATE TABLE by_sequence (seq bigserial PRIMARY KEY, word text)",
        "CREATE TABLE by_counter (seq bigint PRIMARY KEY, word text)",
        "CREATE TABLE counter (seq bigint)",
        "INSERT INTO counter VALUES (0)",
        "GRANT ALL ON by_sequence, by_counter, counter, by_sequence_seq_seq TO changming_app",
    ):
        superuser.execute(statement)


BY_SEQUENCE = "INSERT INTO by_sequence (word) VALUES (:word)"
BY_COUNTER = (
    "WITH next AS (UPDATE counter SET seq = seq + 1 RETURNING seq)"
    " INSERT INTO by_counter SELECT seq, :word FROM next"
)


async def overtaken(database: Database, table: str, insert: str) -> list[str]:
    """A writes first but commits last; a reader resumes in between. What the reader ever sees."""
    seen: list[str] = []
    at = 0

    async def poll(connection: AsyncConnection) -> None:
        nonlocal at
        rows = await connection.execute(
            text(f"SELECT seq, word FROM {table} WHERE seq > :at ORDER BY seq"), {"at": at}
        )
        for row in rows:
            at = row.seq
            seen.append(row.word)
        await connection.commit()

    async with (
        database.engine.connect() as a,
        database.engine.connect() as b,
        database.engine.connect() as reader,
    ):
        await a.execute(text(insert), {"word": "a"})
        second = asyncio.create_task(b.execute(text(insert), {"word": "b"}))
        await asyncio.wait({second}, timeout=0.2)
        if second.done():
            await b.commit()
        await poll(reader)
        await a.commit()
        await second
        await b.commit()
        await poll(reader)
    return seen


@pytest.mark.usefixtures("two_tables")
async def test_a_sequence_would_lose_a_change(changming: Database) -> None:
    assert await overtaken(changming, "by_sequence", BY_SEQUENCE) == ["b"], "a is never seen"


@pytest.mark.usefixtures("two_tables")
async def test_a_counter_row_makes_the_later_writer_wait(changming: Database) -> None:
    assert await overtaken(changming, "by_counter", BY_COUNTER) == ["a", "b"]


async def test_rolled_back_numbers_are_given_again(
    changming: Database, company: PeopledCompany
) -> None:
    await say(changming, company, "one")
    with pytest.raises(RuntimeError, match="changed my mind"):
        await say_and_regret(changming, company, "never")
    await say(changming, company, "two")
    reader = FeedReader(changming, company, 0)
    await reader.poll()
    assert (reader.words, reader.seq) == (["one", "two"], 2)


async def test_the_bell_carries_numbers_only_and_rings_after_the_commit(
    changming: Database, company: PeopledCompany, superuser: psycopg.Connection
) -> None:
    superuser.execute("LISTEN changming_feed")
    async with changming.begin(company.system) as tx:
        note(tx, "one")
        note(tx, "two")
        for close in tx.closing:
            await close(tx)
        tx.closing.clear()
        assert list(superuser.notifies(timeout=0.05)) == [], "not before the commit"
    bells = [bell.payload for bell in superuser.notifies(timeout=5, stop_after=1)]
    assert bells == [f"{company.id}:2"]
