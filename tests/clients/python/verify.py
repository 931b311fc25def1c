"""Verifies a database of Renkei from docs/format.md alone.

    python verify.py GENERATED FILE.db PPC.toml IPA.toml AGREEMENT.toml [LATER.toml ...]

GENERATED has the modules that grpcio-tools made of the contract. Each agency's configuration names the other one's public
keys, as they were exchanged outside the system. Prints a line for each journal and `verified`, or the first entry or row that
is not right, and then ends with exit code 1.
"""

import base64
import datetime
import hashlib
import sqlite3
import struct
import sys
import tomllib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ZERO = bytes(32)


class Wrong(Exception):
    """The first thing that is not right."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def understood(kind, data, where):
    """The message in these bytes, if it encodes to the same bytes without what is unknown."""
    message = kind()
    try:
        message.ParseFromString(data)
    except Exception:
        raise Wrong(f"{where}: not understood") from None
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != data:
        raise Wrong(f"{where}: encoding gives other bytes")
    return message


def micros(at):
    return at.seconds * 1_000_000 + at.nanos // 1000


class Keys:
    """The keys of one journal and the numbers at which they hold."""

    def __init__(self, exchanged):
        self.exchanged = exchanged
        self.keys = {key_id: [key, 1, None] for key_id, key in exchanged.items()}

    def apply(self, seq, fact):
        if fact.WhichOneof("fact") == "key_added":
            added = fact.key_added
            known = self.keys.setdefault(added.key_id, [added.public_key, seq + 1, None])
            if known[0] != added.public_key or known[2] is not None:
                raise Wrong(f"entry {seq}: key {added.key_id} was used before")
        if fact.WhichOneof("fact") == "key_revoked":
            if fact.key_revoked.key_id not in self.keys:
                raise Wrong(f"entry {seq}: revokes an unknown key")
            key = self.keys[fact.key_revoked.key_id]
            key[2] = min(key[2] or seq + 1, seq + 1)

    def verify(self, key_id, at, signature, data, where):
        public, since, until = self.keys.get(key_id, (None, 0, None))
        if public is None or at < since or (until is not None and at >= until):
            raise Wrong(f"{where}: key {key_id} does not hold there")
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
        except InvalidSignature:
            raise Wrong(f"{where}: no valid signature") from None


class Verifier:
    def __init__(self, database, exchanged, pb):
        self.db, self.pb = database, pb
        self.own = self.rows("SELECT own FROM store WHERE one = 1")[0][0]
        self.peer = "ipa" if self.own == "ppc" else "ppc"
        self.keys = {name: Keys(exchanged[name]) for name in ("ppc", "ipa")}
        self.refused = {"ppc": set(), "ipa": set()}
        self.lies, self.hashes, self.anchor, self.audit = [], {}, None, {}
        self.absent, self.disposals = [], []

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def journal(self, name, agreements):
        author = self.own if name == "private" else name
        keys = Keys(self.keys[self.own].exchanged) if name == "private" else self.keys[name]
        previous, incarnation, written, seen, expected, last = ZERO, 1, None, 0, 1, {}
        columns = "seq, header, key_id, signature, fact, hash, entry_id, matter, fact_type, answers, written_us, digest"
        for row in self.rows(f"SELECT {columns}, ciphertext IS NULL FROM entry WHERE journal = ? ORDER BY seq", name):
            (seq, header_bytes, key_id, signature, fact_bytes), (digest, is_absent) = row[:5], row[11:]
            where = f"journal {name}: entry {expected}"
            header = understood(self.pb.Header, header_bytes, where)
            keys.verify(key_id, header.seq, signature, b"renkei header v1\0" + header_bytes, where)
            incarnation += header.fact_type == "journal_reopened"
            right = {
                "number": seq == expected == header.seq,
                "version": header.version == 1,
                "author": header.author == {"ppc": 1, "ipa": 2}[author],
                "agreement": any(
                    header.agreement_sha256 == digest and micros(header.written_at) >= begins
                    for begins, digest in agreements
                ),
                "incarnation": header.incarnation == incarnation,
                "prev_hash": header.prev_hash == previous,
                "matter_prev": header.matter_prev == last.get(header.matter, ZERO),
                "written_at": written is None or micros(header.written_at) >= written,
                "seen_peer_seq": header.seen_peer_seq >= seen,
                "columns": row[5:11]
                == (
                    sha256(header_bytes),
                    header.entry_id,
                    header.matter,
                    header.fact_type,
                    header.answers,
                    micros(header.written_at),
                ),
            }
            for what, holds in right.items():
                if not holds:
                    raise Wrong(f"{where}: {what}")
            fact = None
            if sha256(fact_bytes) == header.fact_sha256:
                fact = understood(self.pb.Fact, fact_bytes, where)
                fact = fact if fact.WhichOneof("fact") == header.fact_type else None
            if fact is None:
                self.lies.append((name, seq))
            else:
                keys.apply(seq, fact)
                self.note(name, header, fact)
            if digest != ((fact.request_digest or None) if fact is not None and name != self.peer else None):
                raise Wrong(f"{where}: digest")
            if header.content_commitment and is_absent:
                self.absent.append((name, seq, header.matter))
            previous, written, seen = sha256(header_bytes), micros(header.written_at), header.seen_peer_seq
            last[header.matter] = previous
            self.hashes[name, seq] = previous
            expected += 1
        self.head(name, (expected - 1, previous, written or 0, seen, incarnation))
        return expected - 1, seen

    def note(self, name, header, fact):
        kind = fact.WhichOneof("fact")
        if kind == "item_disposed":
            self.disposals.append((header.matter, name, header.seq, fact.item_disposed.peer_seq))
        if kind == "entry_refused":
            self.refused["ipa" if name == "ppc" else "ppc"].add(fact.entry_refused.seq)
        if name == self.own and kind == "private_anchored":
            self.anchor = fact.private_anchored
        if name == self.own and kind == "audit_checkpointed":
            self.audit = {head.chain: head for head in fact.audit_checkpointed.chains}

    def is_disposed(self, journal, seq, matter):
        """Either agency has erased the content: a peer that has done so sends the entry without it."""
        counted = [it for it in self.disposals if it[0] == matter and it[2] not in self.refused[it[1]]]
        covers = [seq < own if journal == by else seq <= peer for _, by, own, peer in counted]
        return journal != "private" and any(covers)

    def head(self, name, last):
        columns = "seq, hash, written_us, seen_peer_seq, incarnation"
        if self.rows(f"SELECT {columns} FROM head WHERE journal = ?", name) != [last]:
            raise Wrong(f"journal {name}: the head does not repeat entry {last[0]}")

    def receipts(self, table, journal, signer):
        newest = (0, 0, 0)
        columns = "up_to_seq, own_seq, at_us, receipt, key_id, signature"
        for up_to, own_seq, at, data, key_id, signature in self.rows(f"SELECT {columns} FROM {table} ORDER BY 1, 2"):
            where = f"{table} for {up_to}"
            receipt = understood(self.pb.Receipt, data, where)
            self.keys[signer].verify(key_id, receipt.own_seq + 1, signature, b"renkei receipt v1\0" + data, where)
            if (receipt.up_to_seq, receipt.own_seq, micros(receipt.at)) != (up_to, own_seq, at):
                raise Wrong(f"{where}: columns")
            is_held = self.hashes.get((journal, up_to)) == receipt.head_hash
            if receipt.journal != {"ppc": 1, "ipa": 2}[journal] or not is_held:
                raise Wrong(f"{where}: names another entry than the one that is stored")
            newest = (up_to, own_seq, at)
        return newest

    def chain(self, name):
        seq, last, anchor = 0, ZERO, self.audit.get(name)
        columns = "seq, prev_hash, hash, at_us, official, caller, method, matter, purpose, outcome"
        for row in self.rows(f"SELECT {columns} FROM call WHERE chain = ? ORDER BY seq", name):
            texts = b"".join(struct.pack(">Q", len(text.encode())) + text.encode() for text in row[4:])
            digest = sha256(b"renkei audit v1\0", last, struct.pack(">Qq", row[0], row[3]), texts)
            anchored = anchor is None or anchor.seq != row[0] or anchor.hash == digest
            if row[0] != seq + 1 or row[1] != last or row[2] != digest or not anchored:
                raise Wrong(f"audit {name}: record {seq + 1}")
            seq, last = row[0], digest
        if anchor is not None and anchor.seq > seq:
            raise Wrong(f"audit {name}: records from {seq + 1} on are missing")

    def whole(self, agreements):
        seen = []
        for name in (self.own, self.peer, "private"):
            private = [(begins, sha256(b"renkei private journal v1\0", digest)) for begins, digest in agreements]
            last, peer_seen = self.journal(name, private if name == "private" else agreements)
            seen += [peer_seen] if name != self.peer else []
            print(f"{name:8} {last:8} {self.hashes.get((name, last), ZERO).hex()}")
        for name, seq in self.lies:
            if seq not in self.refused.get(name, ()):
                raise Wrong(f"journal {name}: entry {seq}: its fact is not the one that the header commits to")
        for name, seq, matter in self.absent:
            if not self.is_disposed(name, seq, matter):
                raise Wrong(f"journal {name}: entry {seq}: its content is missing")
        if max(seen) > self.rows("SELECT seq FROM head WHERE journal = ?", self.peer)[0][0]:
            raise Wrong(f"journal {self.peer}: own entries have seen more")
        newest = self.receipts("receipt", self.own, self.peer)
        self.receipts("receipt_given", self.peer, self.own)
        head = self.rows("SELECT receipted, receipted_own, receipted_us FROM head WHERE journal = ?", self.own)[0]
        reopened = self.rows("SELECT incarnation FROM head WHERE journal = ?", self.peer)[0][0] > 1
        if head != newest and not reopened:
            raise Wrong(f"journal {self.own}: the head has a receipt for {head[0]}, the newest is for {newest[0]}")
        if self.anchor is not None and self.hashes.get(("private", self.anchor.seq)) != self.anchor.hash:
            raise Wrong(f"journal private: entry {self.anchor.seq}, which is anchored, is missing or another one")
        chains = {name for (name,) in self.rows("SELECT DISTINCT chain FROM call")}
        for name in sorted(chains | set(self.audit)):
            self.chain(name)


def keys_in(configuration):
    """The peer's keys in a configuration."""
    with open(configuration, "rb") as file:
        keys = tomllib.load(file)["peer"]["keys"]
    return {key["id"]: base64.b64decode(key["public_key"]) for key in keys}


def version(file):
    """The first instant of a version of the agreement, in microseconds since 1970, and its digest."""
    with open(file, "rb") as text:
        whole = text.read()
    first_day = tomllib.loads(whole.decode()).get("applies_from")
    if first_day is None:
        return float("-inf"), sha256(whole)
    begins = datetime.datetime.fromisoformat(f"{first_day}T00:00:00+09:00")
    return int(begins.timestamp()) * 1_000_000, sha256(whole)


def fault(generated, file, ppc, ipa, *agreements):
    """What is wrong with a database in a sentence; None when it is right."""
    if generated not in sys.path:
        sys.path.insert(0, generated)
    from renkei.journal.v1 import entry_pb2, fact_pb2

    entry_pb2.Fact = fact_pb2.Fact
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        Verifier(database, {"ppc": keys_in(ipa), "ipa": keys_in(ppc)}, entry_pb2).whole([version(text) for text in agreements])
    except Wrong as wrong:
        return str(wrong)
    finally:
        database.close()
    return None


def main(*arguments):
    found = fault(*arguments)
    print(found or "verified")
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
