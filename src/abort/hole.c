/* SPDX-License-Identifier: BSD-2-Clause */
/* An access that the CPU described, to an address where nothing is. */
#include <string.h>

#include <salvage/abort.h>

#include "session.h"

/* The instruction, for the report only: what cannot be read is left out. */
static void identify(struct sv_session *session)
{
	struct sv_context *context = &session->context;
	struct sv_report *report = &session->report;
	const struct sv_regs_ops *regs = &session->cpu->ops->regs;

	if (session->cpu->flags || regs->get(session->cpu->vcpu, SV_PC, &context->pc))
		return;
	report->pc = context->pc;
	report->has_pc = true;
	if (regs->get(session->cpu->vcpu, SV_PSTATE, &context->pstate) || context->pstate & SV_PSTATE_nRW ||
	    sv_session_regs.get(session, SV_SCTLR_EL1, &context->sctlr_el1) ||
	    sv_session_fetch(session, &report->word))
		return;
	report->has_word = true;
	report->has_insn = !sv_decode(SV_A64, report->word, &report->insn);
}

enum sv_verdict sv_hole(struct sv_session *session, struct sv_cpu *cpu, const struct sv_space *space,
			const struct sv_policy *policy, uint64_t ipa, bool write)
{
	struct sv_report *report = &session->report;
	struct sv_abort abort = {.fault_ipa = ipa};
	struct sv_place place = sv_space_find(space, ipa, write);

	sv_session_begin(session, cpu, space, policy, &abort);
	identify(session);
	report->isv = true;
	report->write = write;
	report->cause = SV_CAUSE_HOLE;
	report->reason = place.region ? SV_REASON_DEVICE_REFUSED : SV_REASON_HOLE;
	report->region = place.region;
	report->rule = sv_policy_find(policy, SV_CAUSE_HOLE,
				      report->has_insn ? report->insn.row->iclass : SV_CLASS_COUNT, ipa);
	report->action = report->rule->action;
	switch (report->action) {
	case SV_ACTION_EMULATE:
		return sv_session_end(session, SV_ENDING_COMPLETED, SV_VERDICT_ACCESS);
	case SV_ACTION_IGNORE:
		return sv_session_end(session, SV_ENDING_IGNORED, SV_VERDICT_RESUME);
	case SV_ACTION_OBSERVE:
		/* KVM gives such an access to the VMM in any case: it does what it always did. */
		report->would = SV_ENDING_INJECTED;
		return sv_session_end(session, SV_ENDING_OBSERVED, SV_VERDICT_ACCESS);
	default:
		return sv_session_apply(session, SV_ENDING_INJECTED);
	}
}
