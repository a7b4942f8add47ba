"""The next root: the one before, with other keys for some roles, or with a later end. Signed here, sent elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from securesystemslib.signer import CryptoSigner, Key, Signer
from tuf.api.metadata import Metadata, Root, Targets

from ...core.ends import DAY, VENDOR_DAYS, End
from ...core.errors import DiscodeError, Refused
from ...core.release import index_path
from ...ports.repository import KeyRole, KeyState, Rotated
from .chain import Chain, Kept
from .keys import ROLES, ROOT, TARGETS, Keys

# Longer than a hub's, which signs every day: a folder is signed when its vendor publishes or renews.
DAYS = {"root": VENDOR_DAYS, "targets": VENDOR_DAYS, "snapshot": 90, "timestamp": 90}
ONLINE_ROLES = ("snapshot", "timestamp")
Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class Roots:
    """`place` is the hub or the folder, as errors name it; `options` those with which a command reaches it, `init` the
    whole command that goes on from the chain there."""

    def __init__(self, keys: Keys, place: str, options: str, init: str, clock: Clock):
        self.keys, self.kept, self.clock = keys, Kept(keys.folder), clock
        self.options, self.init, self._place = options, init, place

    def expiry(self, role: str) -> datetime:
        return self.clock().replace(microsecond=0) + timedelta(days=DAYS[role])

    def first(self, online: Key) -> Root:
        """With all keys at hand. Raises Refused without them."""
        root = Root(expires=self.expiry("root"), consistent_snapshot=True)
        for role, names in (("root", ROOT), ("targets", TARGETS)):
            for signer in self.keys.signers(role):
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = len(names)
        for role in ONLINE_ROLES:
            root.add_key(online, role)
        return root

    def sign_first(self, online: Key) -> Chain:
        metadata: Metadata[Any] = Metadata(self.first(online))
        for signer in self.keys.signers("root"):
            metadata.sign(signer, append=True)
        return Chain([metadata.to_bytes()])

    def next(self, chain: Chain, replaced: Mapping[str, Sequence[Key]], also: Sequence[Signer] = ()) -> Chain:
        """With the chain's next root. `also` signs it besides the root's keys of today: its new ones. Raises Refused
        without the keys."""
        before, signers = chain.newest, self.signers(chain)
        root = Root.from_dict(deepcopy(before.to_dict()))
        root.version, root.expires = before.version + 1, self.expiry("root")
        for role, keys in replaced.items():
            for old in list(root.roles[role].keyids):
                root.revoke_key(old, role)
            for key in keys:
                root.add_key(key, role)
            root.roles[role].threshold = len(keys)
        metadata: Metadata[Any] = Metadata(root)
        for signer in [*signers, *also]:
            metadata.sign(signer, append=True)
        return chain.and_then(metadata.to_bytes())

    def signers(self, chain: Chain) -> list[CryptoSigner]:
        """Of the next root. Raises Refused."""
        role = chain.newest.roles["root"]
        return self.keys.root_signers(role.keyids, role.threshold)

    def finished(self, was_pending: bool, role: KeyRole, chain: Chain) -> Rotated | None:
        """A change of keys that was cut off after it was published: to look at the chain has finished it."""
        if not was_pending or self.keys.pending(names_of(role)):
            return None
        named = chain.newest.roles["timestamp" if role == "online" else role].keyids
        return Rotated(role, chain.version, tuple(named), ())

    def is_due(self, chain: Chain) -> bool:
        return chain.newest.expires < self.clock() + timedelta(days=DAYS["root"] / 2)

    def renewed(self, chain: Chain) -> Chain | None:
        """With a root of a later end, when half its time is over and the keys are at hand. Raises Refused when it has
        ended and they are not."""
        if not self.is_due(chain):
            return None
        try:
            return self.next(chain, {})
        except Refused as error:
            if chain.newest.expires > self.clock():
                return None
            raise self._ended(chain, error) from error

    def agreed(self, theirs: Chain) -> Chain:
        """The chain there, once it is known to be ours. Raises Refused when customers would not believe it."""
        ours = self.kept.chain()
        if ours is None:
            self._names_our_keys(theirs)
        elif not theirs.continues(ours):
            is_earlier = ours.continues(theirs)
            raise self.behind(f"root {theirs.version}", f"root {ours.version}") if is_earlier else self.unknown()
        self.keys.settle(theirs.newest.keys)
        self.kept.keep(theirs)
        return theirs

    def keys_of(self, chain: Chain) -> tuple[KeyState, ...]:
        """The keys that customers believe now, and the files of those that are at hand."""
        newest, found = chain.newest, self.keys.files()
        named = [(role, key) for role in ("root", "targets", "timestamp") for key in newest.roles[role].keyids]
        return tuple(
            KeyState("online" if role == "timestamp" else role, key, found.get(key)) for role, key in named
        )  # fmt: skip

    def end(self, chain: Chain) -> End:
        step = f"where the root keys are: discode release renew {self.options}"
        what = "customers get no more updates"
        return End("root", chain.newest.expires.timestamp(), DAYS["root"] * DAY, what, step)

    def targets_end(self, at: datetime) -> End:
        step = f"publish a release, or: discode release renew {self.options}"
        return End("releases' signature", at.timestamp(), DAYS["targets"] * DAY, "customers get no more updates", step)

    def without_a_chain(self) -> Refused:
        return Refused(
            f"{self.keys.folder} has keys, but not the chain of roots that was published with them. Another first root "
            "would be a stranger's to every customer. Nothing was changed.",
            "Bring the chain, from a mirror or from a customer's machine: discode release chain import SOURCE --keys "
            f"{self.keys.folder}. If nothing was ever published with these keys: discode release init --new-root",
            key="keys-exist",
        )

    def _names_our_keys(self, theirs: Chain) -> None:
        """The first time that these keys meet a chain: it has to name those that are at hand."""
        for role, names in (("root", ROOT), ("targets", TARGETS)):
            if self.keys.there(names) != list(names):
                continue
            if any(one.public_key.keyid not in theirs.newest.roles[role].keyids for one in self.keys.signers(role)):
                raise Refused(
                    f"The root of {self._place} does not name your keys. Nothing was signed. Somebody else may control "
                    "it: check it before you publish.",
                    "Give the folder with the keys that it was made with: --keys DIR",
                    key="signature-invalid",
                )

    def _ended(self, chain: Chain, error: DiscodeError) -> Refused:
        return Refused(
            f"The root ended on {chain.newest.expires:%Y-%m-%d}, so customers refuse whatever is published, and its "
            f"keys are not at hand to sign the next one: {error.sentence}",
            f"Sign the next one where the root keys are: discode release renew {self.options}",
            key="root-expired",
        )

    def behind(self, theirs: str, ours: str) -> Refused:
        return Refused(
            f"{self._place} has {theirs}, but {ours} was published with your keys: what is there is of an earlier "
            "time, and customers would refuse it. Nothing was changed.",
            f"If it was restored from a backup, bring it up to date: {self.init}",
            key="repository-behind",
        )

    def unknown(self) -> Refused:
        return Refused(
            f"{self._place} has another chain of roots than the one that your customers trust: they would refuse "
            "whatever is published there. Nothing was changed.",
            f"Set up an empty hub or folder in its place, and go on from your own chain there: {self.init}",
            key="root-unknown",
        )


def all_named(role: str, keys: Sequence[Key]) -> dict[str, Sequence[Key]]:
    """What a change of `online`, `targets` or `root` replaces in a root."""
    roles = ONLINE_ROLES if role == "online" else (role,)
    return dict.fromkeys(roles, keys)


def names_of(role: str) -> tuple[str, ...]:
    """Of the files of a role's keys."""
    return ROLES["snapshot" if role == "online" else role]


def apps_of(targets: Targets) -> list[str]:
    return sorted(app for name in targets.targets if name == index_path(app := name.partition("/")[0]))
