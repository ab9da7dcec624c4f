/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether an instruction explains an abort, and can be performed at all. */
#include <salvage/abort.h>

#include "session.h"

/* ISS of a data abort (DDI 0487, D24.2, ESR_EL1, "ISS encoding for an exception from a Data Abort"). */
#define ISS_CM        (UINT64_C(1) << 8)
#define ISS_LST(iss)  ((iss) >> 11 & 3) /* of a 64-byte access: which it was */
#define ISS_DFSC(iss) ((iss)&0x3f)

/* What this version does not take on, before anything is decoded. */
static enum sv_reason unsupported(const struct sv_session *session)
{
	if (session->cpu->flags & SV_CPU_PROTECTED)
		return SV_REASON_PROTECTED;
	if (session->context.pstate & SV_PSTATE_nRW)
		return SV_REASON_AARCH32;
	if (session->cpu->flags & SV_CPU_EL2 || SV_PSTATE_EL(session->context.pstate) > 1)
		return SV_REASON_VIRTUAL_EL2;
	return SV_REASON_NONE;
}

enum sv_reason sv_session_state(struct sv_session *session)
{
	struct sv_context *context = &session->context;
	const struct sv_regs_ops *regs = &session->cpu->ops->regs;
	void *vcpu = session->cpu->vcpu;
	enum sv_reason reason;

	if (!(session->cpu->flags & SV_CPU_PROTECTED)) {
		if (regs->get(vcpu, SV_PC, &context->pc))
			return SV_REASON_REGISTER;
		session->report.pc = context->pc;
		session->report.has_pc = true;
		if (regs->get(vcpu, SV_PSTATE, &context->pstate))
			return SV_REASON_REGISTER;
	}
	reason = unsupported(session);
	if (!reason && sv_session_regs.get(session, SV_SCTLR_EL1, &context->sctlr_el1))
		reason = SV_REASON_REGISTER;
	return reason;
}

/* Translation faults of any level, permission faults of any level (DDI 0487, DFSC). */
static bool is_stage2_fault(uint64_t iss)
{
	uint64_t fsc = ISS_DFSC(iss);

	return (fsc & ~UINT64_C(3)) == 0x04 || fsc == 0x2b || (fsc & ~UINT64_C(3)) == 0x0c;
}

/*
 * 64-byte accesses are described (ISV=1, and LST says which it was) but not performed by KVM, which gives
 * them an exit of their own.
 */
static enum sv_reason check_ldst64b(const struct sv_session *session)
{
	const struct sv_insn *insn = &session->report.insn;
	uint64_t iss = session->report.abort.esr_iss;
	/* opc of LD64B, ST64B, ST64BV0 and ST64BV (DDI 0487, C4.1) by their LST (ISS of a data abort). */
	static const uint8_t lst[8] = {[1] = 2, [2] = 3, [3] = 1, [5] = 2};

	if (insn->row->iclass != SV_CLASS_LDST64B || ISS_LST(iss) != lst[insn->word >> 12 & 7])
		return SV_REASON_NOT_LDST64B;
	return !(iss & ISS_WnR) == !(insn->row->flags & SV_ROW_STORE) ? SV_REASON_NONE : SV_REASON_DIRECTION;
}

/* Whether the instruction explains the syndrome, as far as it can be told without addresses. */
enum sv_reason sv_session_check_syndrome(const struct sv_session *session)
{
	const struct sv_row *row = session->report.insn.row;
	uint64_t iss = session->report.abort.esr_iss;
	int WnR;

	if (session->report.abort.ldst64b)
		return check_ldst64b(session);
	if (row->flags & SV_ROW_ISV)
		return SV_REASON_ISV_ROW;
	if (!(iss & ISS_CM) != !(row->flags & SV_ROW_CM))
		return SV_REASON_CACHE_OP;
	if (!is_stage2_fault(iss))
		return SV_REASON_FAULT_STATUS;
	WnR = sv_row_wnr(row, (ISS_DFSC(iss) & ~UINT64_C(3)) == 0x0c);
	/*
	 * An atomic reports a read where a read would have faulted too, but emulated hosts (QEMU with several
	 * threads) look it up as a write first. It is both, so either is explained.
	 */
	if (WnR >= 0 && WnR != !!(iss & ISS_WnR) && !row->op)
		return SV_REASON_DIRECTION;
	return SV_REASON_NONE;
}

/* Whether some byte of the footprint is the one that aborted, and aborts still. */
enum sv_reason sv_session_check_address(struct sv_session *session)
{
	uint64_t ipa = session->report.abort.fault_ipa;

	if (session->plan.unfinished)
		return sv_session_progress(session, session->report.abort.esr_iss & ISS_WnR);
	for (unsigned i = 0; i < session->segment_count; i++) {
		const struct sv_segment *segment = &session->segments[i];

		if (ipa - segment->ipa >= segment->length ||
		    !sv_plan_active(&session->plan,
				    (unsigned)(segment->offset + (ipa - segment->ipa)) / session->plan.esize))
			continue;
		if (!session->report.has_va)
			sv_session_blame(session, segment, ipa);
		return is_memory(segment->kind) ? SV_REASON_MEMORY : SV_REASON_NONE;
	}
	return SV_REASON_ADDRESS;
}

/* Whether a rule wants what is refused otherwise: of exclusives alone is there something to do. */
bool sv_session_by_policy(const struct sv_session *session)
{
	const struct sv_row *row = session->report.insn.row;
	enum sv_action action;

	if (row->refusal != SV_REFUSAL_EXCLUSIVE)
		return false;
	action =
		sv_policy_find(session->policy, SV_CAUSE_EXCLUSIVE, row->iclass, session->report.ipa)->action;
	return action == SV_ACTION_EMULATE || action == SV_ACTION_IGNORE;
}

/* What stands in the way of an instruction wherever it goes, once its footprint is known. */
enum sv_reason sv_session_obstacle(const struct sv_session *session)
{
	if (session->plan.single && session->segment_count > 1)
		return SV_REASON_FRAGMENTED;
	for (unsigned i = 0; session->plan.tags && i < session->segment_count; i++)
		if (is_memory(session->segments[i].kind))
			return SV_REASON_TAGGED_MEMORY;
	return SV_REASON_NONE;
}

/* Which registers an instruction needs that not every embedder gives. */
enum sv_reason sv_session_lack(const struct sv_row *row, const struct sv_regs_ops *regs)
{
	switch (row->form) {
	case SV_FORM_GENERAL:
	case SV_FORM_SME:
		return SV_REASON_NONE;
	case SV_FORM_SVE:
	case SV_FORM_PREDICATE:
		return row->refusal || (regs->vector_length && regs->get_vector && regs->set_vector &&
					regs->get_predicate && regs->set_predicate)
			       ? SV_REASON_NONE
			       : SV_REASON_SVE;
	default:
		return regs->get_simd && regs->set_simd ? SV_REASON_NONE : SV_REASON_SIMD;
	}
}
