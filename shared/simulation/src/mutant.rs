//! Mutants: faults that are put into the sources one at a time, to prove that the simulation finds such faults.

/// One fault: a text of one file, and the text that takes its place.
pub struct Mutant {
    /// What is wrong then, in a sentence.
    pub name: &'static str,
    /// The file, from the root of the project.
    pub file: &'static str,
    /// The text, which is in the file once.
    pub from: &'static str,
    /// The text in its place.
    pub to: &'static str,
}

impl Mutant {
    /// The text of the file with the fault in it.
    ///
    /// # Errors
    /// The text that is to be replaced is not in the file once.
    pub fn applied(&self, text: &str) -> Result<String, String> {
        match text.matches(self.from).count() {
            1 => Ok(text.replacen(self.from, self.to, 1)),
            times => Err(format!("{}: the text to be replaced is in {} {times} times", self.name, self.file)),
        }
    }
}

/// All mutants.
pub const ALL: &[Mutant] = &[
    Mutant {
        name: "a receipt is sent before the commit",
        file: "shared/link/src/session.rs",
        from: "                let incoming = if own { &mut self.back } else { &mut self.peer };\n",
        to: "                if let Some(last) = entries.entries.last().filter(|_| !own) {
                    let seq = Header::decode(last.header.as_slice()).unwrap_or_default().seq;
                    let receipt = Receipt {
                        journal: self.link.own().peer().into(),
                        up_to_seq: seq,
                        head_hash: renkei_journal::header_hash(&last.header).to_vec(),
                        own_seq: self.link.host().heads().borrow().own.seq,
                        at: Some(renkei_domain::moment::stamp(self.link.settings().source.moment().now)),
                    };
                    let signed = renkei_journal::sign_receipt(self.link.host().key(), &receipt);
                    self.say(Kind::Receipt(signed)).await?;
                }
                let incoming = if own { &mut self.back } else { &mut self.peer };\n",
    },
    Mutant {
        name: "the scope is checked only at publication",
        file: "shared/domain/src/decide.rs",
        from: "        has_role && (!noun.is_scoped() || is_visible()),\n",
        to: "        has_role || is_visible(),\n",
    },
    Mutant {
        name: "refused entries count",
        file: "shared/domain/src/page.rs",
        from: "self.all(agency).filter(move |mark| !refused.contains(&mark.seq))",
        to: "self.all(agency).filter(move |mark| !refused.contains(&mark.seq) || mark.seq > 0)",
    },
    Mutant {
        name: "the receiver's own clock is used",
        file: "shared/book/src/arrive.rs",
        from: "    let written_at = header.written_at.as_ref().map_or(Timestamp::MIN, instant);\n",
        to: "    let written_at = header.written_at.as_ref().map_or(Timestamp::MIN, instant).max(stage.now());\n",
    },
    Mutant {
        name: "a number is given twice",
        file: "shared/domain/src/tally.rs",
        from: "        ordinals.iter().all(is_free),\n",
        to: "        ordinals.iter().all(|it| is_free(it) || it.number > 0),\n",
    },
    Mutant {
        name: "a recall is not answered",
        file: "shared/book/src/owed.rs",
        from: "    if owed.can_wait && !stage.speaks(FactKind::of(&owed.fact)) {",
        to: "    if !stage.speaks(FactKind::of(&owed.fact)) || !owed.can_wait {",
    },
    Mutant {
        name: "an old etag is accepted",
        file: "shared/book/src/stage.rs",
        from: "        if etag.is_empty() || etag == self.etag(matter) {",
        to: "        if etag.is_empty() || etag == self.etag(matter) || !matter.is_empty() {",
    },
    Mutant {
        name: "the request id is ignored",
        file: "shared/book/src/call_origin.rs",
        from: "        (!self.request_id.is_empty()).then(",
        to: "        (self.request_id.is_empty() && !self.caller.is_empty()).then(",
    },
    Mutant {
        name: "a private fact is sent",
        file: "shared/book/src/writing.rs",
        from: "        let journal = if permit.is_private() { Journal::Private }",
        to: "        let journal = if permit.is_private() && content.is_some() { Journal::Private }",
    },
    Mutant {
        name: "a revoked key is accepted",
        file: "shared/journal/src/keys.rs",
        from: "        let holds = key.from <= seq && key.revoked_from.is_none_or(|revoked| seq < revoked);",
        to: "        let holds = key.from <= seq && key.revoked_from.is_none_or(|revoked| seq < revoked || revoked > 0);",
    },
    Mutant {
        name: "content is handed out after a recall",
        file: "shared/domain/src/decide.rs",
        from: "        self.shows(journal, seq) && self.withheld.sealed_but.is_none_or(|readable| kind == readable)",
        to: "        self.shows(journal, seq) && self.withheld.sealed_but.is_none_or(|readable| kind == readable || seq > 0)",
    },
    Mutant {
        name: "a hello is believed without proof",
        file: "shared/book/src/recovery.rs",
        from: "        if head.seq > own.seq && !is_proved {",
        to: "        if head.seq > own.seq && head.seq == 0 {",
    },
    Mutant {
        name: "a stop is believed without a signature",
        file: "shared/journal/src/stop.rs",
        from: "    if !is_signed(",
        to: "    if signed.stop.is_empty() && !is_signed(",
    },
    Mutant {
        name: "an entry that came before is accepted again",
        file: "shared/book/src/arrive.rs",
        from: "            return match stage.hash_of(journal, header.seq) {\n                Some(hash) if hash == arriving.opened.hash() => Ok(Arrival::Accepted),",
        to: "            return match stage.hash_of(journal, header.seq) {\n                Some(hash) if hash == arriving.opened.hash() => self.judge(stage, arriving),",
    },
    Mutant {
        name: "a gap is accepted",
        file: "shared/journal/src/chain.rs",
        from: "        Some(_) => return Err(Break::Gap { seq, came: header.seq }),",
        to: "        Some(_) => return in_order(header, previous, seq),",
    },
    Mutant {
        name: "entries without a receipt are lost in a recovery",
        file: "shared/book/src/recovery.rs",
        from: "is_some_and(|kind| !kind.rule().wrong_stops)",
        to: "is_some_and(|kind| !kind.rule().wrong_stops && kind.rule().opens)",
    },
    Mutant {
        name: "time goes back",
        file: "shared/book/src/stage.rs",
        from: "        let raised = moment.now.as_microsecond().max(self.heads.last_us());",
        to: "        let raised = moment.now.as_microsecond();",
    },
    Mutant {
        name: "a barred official acts",
        file: "shared/book/src/batch.rs",
        from: "            None if is_barred => Err(",
        to: "            None if is_barred && call.request_id.is_empty() => Err(",
    },
    Mutant {
        name: "an act is dated by a doubted clock",
        file: "shared/book/src/batch.rs",
        from: "            Basis::SteadyClock if is_act => Err(Declined::ClockDoubted),",
        to: "            Basis::SteadyClock if is_act && submission.call.official.is_empty() => Err(Declined::ClockDoubted),",
    },
    Mutant {
        name: "a recovery ends before the peer's journal is back",
        file: "shared/link/src/session.rs",
        from: "        let is_whole = self.peer_head.is_some_and(|head| heads.peer.seq >= head);",
        to: "        let is_whole = self.peer_head.is_some();",
    },
    Mutant {
        name: "no receipt follows a recovery",
        file: "shared/book/src/reopen.rs",
        from: "        stage.signs = true;\n",
        to: "",
    },
    Mutant {
        name: "a reopening takes back a receipt that came before it",
        file: "shared/book/src/arrive.rs",
        from: "        if own.receipted_own < seq {",
        to: "        if own.receipted_own < seq + own.seq {",
    },
    Mutant {
        name: "a receipt after a loss that nobody can prove is ignored",
        file: "shared/book/src/receipt.rs",
        from: "it.own_seq < own.receipted_own.min(last_known)",
        to: "it.own_seq < own.receipted_own.max(last_known.min(0))",
    },
    Mutant {
        name: "the peer's journal is stopped for the own one",
        file: "shared/link/src/reception.rs",
        from: "        if self.journal == link.own() {\n            // The own journal is never stopped here.",
        to: "        if self.journal == link.own() && stop.seq == 0 {\n            // The own journal is never stopped here.",
    },
    Mutant {
        name: "heads are not compared under the lock",
        file: "shared/book/src/staged.rs",
        from: "        self.heads.commits == commit\n",
        to: "        self.heads.commits <= commit\n",
    },
    Mutant {
        name: "turns are times",
        file: "shared/book/src/writing.rs",
        from: "        self.heads.turn += 1;\n",
        to: "        self.heads.turn = u64::try_from(self.now().as_microsecond()).unwrap_or_default();\n",
    },
    Mutant {
        name: "a cursor goes on over turns that were given again",
        file: "shared/book/src/feed.rs",
        from: "        let is_whole = own.continues(&self.own, self.turn) && peer.continues(&self.peer, self.turn);\n",
        to: "        let is_whole = own.next != Some(0) && peer.next != Some(0);\n",
    },
    Mutant {
        name: "the answer to a recall is missing after a recovery",
        file: "shared/book/src/arrive.rs",
        from: "            _ if answered(stage, &matter, seq) => {}\n",
        to: "            _ if answered(stage, &matter, seq) || stage.heads().own.incarnation > 1 => {}\n",
    },
    Mutant {
        name: "pages are not made again after entries were cut off",
        file: "shared/book/src/memory.rs",
        from: "        self.heads.rewind(last.as_ref().map(|(header, hash)| (header, *hash)), lost.seq);\n        self.refold();\n",
        to: "        self.heads.rewind(last.as_ref().map(|(header, hash)| (header, *hash)), lost.seq);\n",
    },
];
