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
    /// The noun about which the histories are that find it: that of the file, if such histories are drawn for it.
    pub fn about(&self) -> Option<&'static str> {
        ["/noun/item", "/desk/src/item"].iter().any(|of| self.file.contains(of)).then_some("items")
    }

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
        from: "        self.shows(journal, seq) && self.withheld.sealed_but.is_none_or(|readable| readable.contains(&kind))",
        to: "        self.shows(journal, seq) && self.withheld.sealed_but.is_none_or(|readable| readable.contains(&kind) || seq > 0)",
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
    Mutant {
        name: "a scope includes every recipient",
        file: "shared/domain/src/noun/item/disclosure.rs",
        from: "    if !admits(terms, wanted.recipient) {\n",
        to: "    if !admits(terms, wanted.recipient) && wanted.recipient.recipient.is_none() {\n",
    },
    Mutant {
        name: "a scope is for every purpose",
        file: "shared/domain/src/noun/item/disclosure.rs",
        from: "it.purposes().any(|named| named == purpose)",
        to: "it.purposes().any(|named| named == purpose || purpose != Purpose::Unspecified)",
    },
    Mutant {
        name: "an embargo does not bind a disclosure",
        file: "shared/domain/src/noun/item/disclosure.rs",
        from: "    if embargo.is_some_and(|embargo| now < embargo) {\n",
        to: "    if embargo.is_some_and(|embargo| now < embargo && embargo < now) {\n",
    },
    Mutant {
        name: "a marking does not bind a disclosure",
        file: "shared/domain/src/noun/item/revision.rs",
        from: "marking.restrictions().any(forbids)",
        to: "marking.restrictions().any(|it| forbids(it) && it == Restriction::Unspecified)",
    },
    Mutant {
        name: "a consent is not bound to its recipients",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "        is_named && serves && recipient::are_parts_within",
        to: "        (is_named || serves) && serves && recipient::are_parts_within",
    },
    Mutant {
        name: "a consent is not bound to its purposes",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "        is_named && serves && recipient::are_parts_within",
        to: "        is_named && (serves || is_named) && recipient::are_parts_within",
    },
    Mutant {
        name: "a consent is not bound to its parts",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "        is_named && serves && recipient::are_parts_within(parts, &self.terms.parts)\n",
        to: "        is_named && serves && (is_named || recipient::are_parts_within(parts, &self.terms.parts))\n",
    },
    Mutant {
        name: "a consent does not end",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "        } else if self.until(seen, opener).is_some_and(is_over) {\n",
        to: "        } else if self.until(seen, opener).is_some_and(|until| is_over(until) && until > now) {\n",
    },
    Mutant {
        name: "a consent outlasts the scope",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "        [end(self.terms.until.as_ref()), scope_ends].into_iter().flatten().min()\n",
        to: "        end(self.terms.until.as_ref()).or(scope_ends)\n",
    },
    Mutant {
        name: "a revocation is ignored",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "        if self.revocation(seen, opener).is_some() {\n",
        to: "        if self.revocation(seen, opener).is_some_and(|revoked| revoked.seq == self.mark.seq) {\n",
    },
    Mutant {
        name: "a narrowing is ignored",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "last.map_or(it.terms.as_ref(), |(_, narrowed)| narrowed.terms.as_ref())",
        to: "last.map_or(it.terms.as_ref(), |(_, narrowed)| narrowed.terms.as_ref().and(it.terms.as_ref()))",
    },
    Mutant {
        name: "a consent survives a revision that does not keep it",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "        since.all(|(_, it)| it.publication.kept_consents.contains(&self.mark.seq))\n",
        to: "        since.all(|(_, it)| it.publication.kept_consents.contains(&self.mark.seq) || it.publication.revision > 1)\n",
    },
    Mutant {
        name: "a revision keeps any consent",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "    let is_in_force = |seq: &u64| in_force(case, *seq).map(|_| ());\n",
        to: "    let is_in_force = |seq: &u64| in_force(case, *seq).map(|_| ()).or(Ok::<(), Refusal>(()));\n",
    },
    Mutant {
        name: "an entry is judged on a later page than its author's",
        file: "shared/domain/src/page.rs",
        from: "peer_until: header.seen_peer_seq }",
        to: "peer_until: header.seen_peer_seq.max(u64::MAX) }",
    },
    Mutant {
        name: "a recalled item is disclosed",
        file: "shared/domain/src/noun/item/disclosure.rs",
        from: "    must(!is_sealed(seen, opener), Reason::WrongState, SEALED)?;\n    match basis {\n",
        to: "    match basis {\n",
    },
    Mutant {
        name: "a unit sees an item after the revocation of its consent",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "it.state(seen, opener, Timestamp::MIN) != consent::State::InForce;",
        to: "it.state(seen, opener, Timestamp::MIN) == consent::State::Sealed;",
    },
    Mutant {
        name: "a unit sees an item after the end of its consent",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "it.until(seen, opener).map_or(i64::MAX, Timestamp::as_microsecond);",
        to: "it.until(seen, opener).map_or(i64::MAX, |_| i64::MAX);",
    },
    Mutant {
        name: "a consent opens the revisions before its own",
        file: "shared/domain/src/noun/item/consent.rs",
        from: ".filter(|it| it.first <= revision)",
        to: ".filter(|it| it.first <= revision || revision > 0)",
    },
    Mutant {
        name: "a grant is wider than the request",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "must_be_within(terms, terms_of(request.it.terms.as_ref())?))",
        to: "must_be_within(terms, terms_of(request.it.terms.as_ref())?).or(Ok::<(), Refusal>(())))",
    },
    Mutant {
        name: "a narrowing widens a consent",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "    must_be_within(terms, before)?;\n",
        to: "    must_be_within(terms, before).or(Ok::<(), Refusal>(()))?;\n",
    },
    Mutant {
        name: "a consent may contradict itself",
        file: "shared/domain/src/noun/item/consent.rs",
        from: "    if !terms.parts.is_empty() && terms.recipients",
        to: "    if terms.parts.len() > 5 && terms.recipients",
    },
    Mutant {
        name: "an announcement is for any recipient",
        file: "shared/domain/src/noun/item/disclosure.rs",
        from: "    must(is_same, Reason::FieldInvalid, must_be).map_err",
        to: "    must(is_same || law.announcement > 0, Reason::FieldInvalid, must_be).map_err",
    },
    Mutant {
        name: "an answer to a recall is complete without a report of a disclosure",
        file: "shared/domain/src/noun/item/copies.rs",
        from: "            others.count() == 0,\n",
        to: "            others.count() < usize::MAX,\n",
    },
    Mutant {
        name: "a refused disclosure is not recorded",
        file: "shared/domain/src/noun/item/disclosure.rs",
        from: "matches!(refusal.reason, Reason::BeyondScope | Reason::ConsentNotFresh)",
        to: "matches!(refusal.reason, Reason::ConsentNotFresh)",
    },
    Mutant {
        name: "a receipt counts as recent although later entries are missing",
        file: "shared/desk/src/item/disclosure.rs",
        from: "    let receipted = if has_all { heads.own.receipted_us } else { 0 };\n",
        to: "    let receipted = if has_all || heads.peer.seq > 0 { heads.own.receipted_us } else { 0 };\n",
    },
    Mutant {
        name: "a consent needs no recent statement",
        file: "shared/desk/src/item/disclosure.rs",
        from: "    within_seconds == 0 || age <=",
        to: "    within_seconds < u32::MAX || age <=",
    },
    Mutant {
        name: "misdirected information is not sealed",
        file: "shared/domain/src/noun/item/revision.rs",
        from: "seen.has::<RecallAnswered>(opener.peer()) || is_reported(seen, opener)",
        to: "seen.has::<RecallAnswered>(opener.peer())",
    },
];
