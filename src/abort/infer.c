/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a vCPU is about to access, told from its instruction and registers alone: for aborts of which the
 * hardware gives no address.
 */
#include <salvage/abort.h>

#include "session.h"

#define PAGE_MASK (~UINT64_C(0xfff))

enum sv_reason sv_infer_begin(struct sv_session *session, struct sv_cpu *cpu, const struct sv_space *space)
{
	const struct sv_abort none = {0};

	sv_session_begin(session, cpu, space, NULL, &none);
	return sv_session_state(session);
}

enum sv_reason sv_infer_instruction(struct sv_session *session)
{
	struct sv_report *report = &session->report;
	enum sv_reason reason = sv_session_fetch(session, &report->word);

	if (reason)
		return reason;
	report->has_word = true;
	report->has_insn = !sv_decode(SV_A64, report->word, &report->insn);
	return report->has_insn ? SV_REASON_NONE : SV_REASON_NOT_DECODED;
}

/* Whether the instruction can have made such an access. An atomic is both a read and a write. */
static enum sv_reason check(const struct sv_row *row, bool write, bool cm)
{
	int WnR = sv_row_wnr(row, false);

	if (cm != !!(row->flags & SV_ROW_CM))
		return SV_REASON_CACHE_OP;
	if (!cm && WnR >= 0 && WnR != write && !row->op)
		return SV_REASON_DIRECTION;
	return SV_REASON_NONE;
}

static enum sv_reason plan(struct sv_session *session)
{
	const struct sv_insn *insn = &session->report.insn;

	switch (sv_plan_address(insn, &session->context, &session->cpu->ops->regs, session->cpu->vcpu,
				&session->plan)) {
	case SV_OK:
		/* The CPU may be ahead of the registers of a copy or set. */
		return session->plan.unfinished ? SV_REASON_AMBIGUOUS : SV_REASON_NONE;
	case SV_UNSUPPORTED:
		return insn->row->refusal ? SV_REASON_FIRST_REFUSED + insn->row->refusal - 1 : SV_REASON_SVE;
	case SV_NOT_MEMORY:
		return SV_REASON_ADDRESS;
	default:
		return SV_REASON_REGISTER;
	}
}

enum sv_reason sv_infer_access(struct sv_session *session, bool write, bool cm)
{
	struct sv_report *report = &session->report;
	const struct sv_segment *found = NULL;
	enum sv_reason reason;

	if (!report->has_insn)
		return SV_REASON_NOT_DECODED;
	reason = check(report->insn.row, write, cm);
	if (!reason)
		reason = plan(session);
	/* With a fault of stage 1 there would have been no external abort: the registers are others now. */
	if (!reason)
		reason = sv_session_segments(session);
	report->has_va = false;
	if (reason)
		return reason;
	for (unsigned i = 0; i < session->segment_count; i++) {
		const struct sv_segment *segment = &session->segments[i];
		uint64_t last = segment->ipa + (segment->length - 1);

		/* What is no memory cannot be bad memory. */
		if (!is_memory(segment->kind))
			continue;
		if (((segment->ipa ^ last) & PAGE_MASK) || (found && (segment->ipa ^ found->ipa) & PAGE_MASK))
			return SV_REASON_AMBIGUOUS;
		if (!found)
			found = segment;
	}
	if (!found)
		return SV_REASON_AMBIGUOUS;
	report->va = found->va;
	report->has_va = true;
	report->ipa = found->ipa;
	report->region = found->region;
	return SV_REASON_NONE;
}

enum sv_reason sv_infer_translate(struct sv_session *session, uint64_t va, struct sv_access_kind kind,
				  struct sv_translation *translation)
{
	return sv_session_reason(sv_session_translate(session, va, kind, translation));
}

/* A walk that ends, as if by an external abort, at its n-th descriptor. */
struct short_walk {
	struct sv_session *session;
	unsigned left;
	bool ended;
	uint64_t ipa;
};

static enum sv_status get(void *opaque, enum sv_reg reg, uint64_t *value)
{
	return sv_session_regs.get(((struct short_walk *)opaque)->session, reg, value);
}

static enum sv_status read_until(void *opaque, uint64_t ipa, uint64_t *value)
{
	struct short_walk *walk = opaque;

	if (walk->left--)
		return sv_session_read_descriptor(walk->session, ipa, value);
	walk->ended = true;
	walk->ipa = ipa;
	return SV_FAULT;
}

/* A walk reads at most one descriptor of each level. */
#define LEVELS 5

enum sv_reason sv_infer_table(struct sv_session *session, uint64_t va, struct sv_access_kind kind, int level,
			      uint64_t *ipa)
{
	static const struct sv_regs_ops ops = {.get = get};

	for (unsigned n = 0; n < LEVELS; n++) {
		struct short_walk walk = {.session = session, .left = n};
		struct sv_translation translation;
		enum sv_status status = sv_translate(&session->context, session->cpu->mmu_features, va, kind,
						     &ops, read_until, &walk, &translation);

		if (!walk.ended)
			return status ? sv_session_reason(status) : SV_REASON_DATA_TRANSLATION;
		if (translation.level == level) {
			*ipa = walk.ipa;
			return SV_REASON_NONE;
		}
	}
	return SV_REASON_DATA_TRANSLATION;
}
