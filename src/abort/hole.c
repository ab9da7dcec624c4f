/* SPDX-License-Identifier: BSD-2-Clause */
/* An access that the CPU described, to an address where nothing is. */
#include <string.h>

#include <salvage/abort.h>

#include "session.h"

enum sv_verdict sv_hole(struct sv_session *session, struct sv_cpu *cpu, const struct sv_space *space,
			const struct sv_policy *policy, uint64_t ipa, bool write)
{
	struct sv_report *report = &session->report;
	struct sv_abort abort = {.fault_ipa = ipa};
	struct sv_place place = sv_space_find(space, ipa, write);

	sv_session_begin(session, cpu, space, policy, &abort);
	/* The instruction, for the report only: what cannot be read is left out. */
	if (!sv_session_state(session))
		sv_infer_instruction(session);
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
