"""`brise promote` and `brise rollback`: the champion changes by the rule, in one step, and remembers where it was."""

from typing import Any

from brise.conventions.errors import InputError
from brise.io.artifacts import CHALLENGER, CHAMPION, Aliases, Artifacts
from brise.service.jobs.champion import BASELINE, choose, reference_of
from brise.service.jobs.evaluate import Plan, evaluate


def promote(store: Artifacts, name: str, plan: Plan | None = None, dry_run: bool = False) -> dict[str, Any]:
    """Make a model the champion if the rule says so.

    Args:
        store: The artifacts.
        name: Any name of the model.
        plan: What to compare on; None or without archives = the newest comparison that was kept.
        dry_run: Change nothing.

    Returns:
        The comparison's record, and `moved`: whether the champion is another now.

    Raises:
        InputError: It is the champion already, there is no comparison, or its artifact is damaged.
        NotFoundError: There is no such model.
        StoreError: The aliases cannot be written; they stay as they were.
    """
    challenger, champion = reference_of(store, name), reference_of(store, CHAMPION)
    if challenger == champion:
        raise InputError(f"{name!r} is the champion already")
    if plan is not None and plan.archives:
        record = evaluate(store, (challenger, champion), plan).record()
    else:
        found = store.comparison(challenger, champion)
        if found is None:
            raise InputError(
                f"{name!r} was never compared with the champion {champion[:12]}: "
                f"`brise evaluate ARCHIVE… --model {name} --against champion` does, or give --archive"
            )
        record = found
    moved = bool(record["promote"]) and not dry_run
    if moved:
        choose(store, challenger)  # known to open before it is relied upon
        taken: dict[str, str | None] = {CHAMPION: challenger}
        if store.aliases().names.get(CHALLENGER) == challenger:
            taken[CHALLENGER] = None
        store.move(taken, f"promoted: {_summary(record)}")
    return record | {"moved": moved}


def _summary(record: dict[str, Any]) -> str:
    gains = [f"{split} {100 * one['rmse']['skill']:+.1f} %" for split, one in record["skills"].items()]
    return f"skill in RMSE {', '.join(gains)}; compared {record['made']}"


def shadow(store: Artifacts, name: str) -> Aliases:
    """Make a model the challenger, which the cycle runs beside the champion.

    Raises:
        InputError: It is the champion, or its artifact is damaged.
        NotFoundError: There is no such model.
    """
    reference = choose(store, name).reference
    if reference == reference_of(store, CHAMPION):
        raise InputError(f"{name!r} is the champion already")
    return store.move({CHALLENGER: reference}, "runs beside the champion")


def previous(aliases: Aliases) -> str | None:
    """What was champion before what is: a promotion is undone, and what a rollback undid is not undone again.

    Returns:
        Digest or name; None = the history says nothing.
    """
    before: list[str | None] = []
    for move in aliases.history:
        if move.alias != CHAMPION:
            continue
        if before and move.after == (before[-1] or BASELINE):
            before.pop()
        else:
            before.append(move.before)
    return (before[-1] or BASELINE) if before else None


def rollback(store: Artifacts, why: str = "rolled back by hand") -> tuple[str, str]:
    """Make the champion what it was before; without a history, the program's own baseline.

    Returns:
        What was champion, and what is now.

    Raises:
        InputError: There is nothing to go back to, or it is damaged.
        StoreError: The aliases cannot be written; they stay as they were.
    """
    now = reference_of(store, CHAMPION)
    target = previous(store.aliases()) or BASELINE
    if target == now:
        raise InputError(f"nothing to roll back to: {now} is the champion and the history names none before it")
    choose(store, target)
    store.move({CHAMPION: target}, why)
    return now, target
