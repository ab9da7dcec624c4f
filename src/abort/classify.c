/* SPDX-License-Identifier: BSD-2-Clause */
/* What is to be done about each byte of a footprint, decided before any is touched. */
#include <salvage/abort.h>

#include "session.h"

/* Completes the report with the place that something is about. */
void sv_session_blame(struct sv_session *session, const struct sv_segment *segment, uint64_t ipa)
{
	struct sv_report *report = &session->report;

	report->ipa = ipa;
	report->va = segment->va + (ipa - segment->ipa);
	report->has_va = true;
	report->region = segment->region;
}

/* Rules that are no policy's: the device itself refused. */
static const struct sv_rule window_rule = {.action = SV_ACTION_INJECT, .text = "device window"};
/* Of a copy that has not come to the device yet, all of a chunk may be memory. */
static const struct sv_rule all_memory_rule = {.action = SV_ACTION_EMULATE, .text = "memory"};

static bool window_takes(const struct sv_piece *piece)
{
	const struct sv_region *window = piece->segment->region;

	if (window->kind != SV_REGION_WINDOW) /* a write to read-only memory */
		return true;
	return window->sizes & piece->size && !(window->aligned && piece->ipa & (piece->size - 1));
}

/* What a window has against a piece. */
static enum sv_reason objection(const struct sv_session *session, const struct sv_piece *piece)
{
	const struct sv_region *window = piece->segment->region;

	if (session->plan.no_access)
		return SV_REASON_NONE;
	if (session->plan.op && !(window->kind == SV_REGION_WINDOW && window->atomics))
		return SV_REASON_ATOMIC;
	if (session->plan.single && !session->plan.op && !window_takes(piece))
		return SV_REASON_LDST64B;
	return window_takes(piece) ? SV_REASON_NONE : SV_REASON_WINDOW;
}

/*
 * Why a device inside the kernel cannot be reached. Atomics are for objection to refuse: nothing there
 * performs one.
 */
static enum sv_reason unreachable(const struct sv_session *session, const struct sv_piece *piece)
{
	const struct sv_region *region = piece->segment->region;
	bool write = piece->segment->write;

	if (!region->kernel || !region->kernel->count)
		return SV_REASON_KERNEL_DEVICE;
	if (session->plan.op || sv_kernel_takes(region, piece->ipa, piece->size, write))
		return SV_REASON_NONE;
	/* Another size would do. */
	for (unsigned size = 1; size <= 8; size *= 2)
		if (sv_kernel_takes(region, piece->ipa & ~(uint64_t)(size - 1), size, write))
			return SV_REASON_WINDOW;
	return SV_REASON_KERNEL_REGISTER;
}

/* A rule about any byte of the piece is a rule about the piece: it cannot be performed in part. */
struct sv_decision sv_session_decide(const struct sv_session *session, const struct sv_piece *piece)
{
	enum sv_class iclass = session->report.insn.row->iclass;
	struct sv_decision decision = {sv_row_cause(session->report.insn.row), SV_REASON_NONE, NULL,
				       SV_ACTION_INJECT};

	if (piece->segment->kind == SV_REGION_HOLE) {
		decision.cause = SV_CAUSE_HOLE;
		decision.reason = SV_REASON_HOLE;
	} else if (piece->segment->kind == SV_REGION_KERNEL) {
		decision.reason = unreachable(session, piece);
		if (decision.reason)
			decision.cause = SV_CAUSE_UNSUPPORTED;
	}
	decision.rule = sv_policy_find_range(session->policy, decision.cause, iclass, piece->ipa,
					     piece->ipa + (piece->size - 1));
	decision.action = decision.rule->action;
	if (decision.action == SV_ACTION_OBSERVE)
		decision.action = sv_policy_find(NULL, decision.cause, iclass, piece->ipa)->action;
	if (decision.action != SV_ACTION_EMULATE || decision.reason)
		return decision;
	decision.reason = objection(session, piece);
	if (decision.reason) {
		decision.action = SV_ACTION_INJECT;
		if (decision.rule->action != SV_ACTION_OBSERVE)
			decision.rule = &window_rule;
	}
	return decision;
}

/* A copy or set may come from above: it is about the byte that aborted, where that is in the same place. */
static uint64_t culprit(const struct sv_session *session, const struct sv_piece *piece)
{
	uint64_t fault = session->report.abort.fault_ipa;

	return session->plan.unfinished && fault - piece->segment->ipa < piece->segment->length ? fault
												: piece->ipa;
}

/*
 * Decides over every piece before anything is touched. True: all of it is possible. False: something is in
 * the way, and report.reason, ipa and va say what. Either way report.rule is the rule that decides: an
 * observing one before all others, then the one that refused, then the one of the first access.
 */
bool sv_session_classify(struct sv_session *session)
{
	struct sv_report *report = &session->report;
	unsigned total = sv_session_total(session), offset = 0;
	const struct sv_rule *observer = NULL;
	bool refused = false;
	struct sv_piece piece;

	for (; (offset = sv_session_active(session, offset)) < total; offset += piece.size) {
		struct sv_decision decision;
		bool refuses;

		piece = sv_session_piece(session, offset);
		if (is_memory(piece.segment->kind))
			continue;
		decision = sv_session_decide(session, &piece);
		refuses = decision.action != SV_ACTION_EMULATE && decision.action != SV_ACTION_IGNORE;
		if (decision.action == SV_ACTION_IGNORE)
			session->ignores = true;
		if (decision.rule->action == SV_ACTION_OBSERVE && !observer)
			observer = decision.rule;
		if (!report->rule || (refuses && !refused)) {
			report->cause = decision.cause;
			report->reason = decision.reason;
			report->rule = decision.rule;
			sv_session_blame(session, piece.segment, culprit(session, &piece));
		}
		refused |= refuses;
	}
	if (refused && !report->reason)
		report->reason = SV_REASON_POLICY;
	if (!report->rule)
		report->rule = &all_memory_rule;
	if (observer)
		report->rule = observer;
	return !refused;
}
