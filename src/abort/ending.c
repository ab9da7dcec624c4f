/* SPDX-License-Identifier: BSD-2-Clause */
/* How a session ends: always in exactly one of the endings, always with a report that names the rule. */
#include <salvage/abort.h>
#include <salvage/syndrome.h>

#include "session.h"

enum sv_verdict sv_session_end(struct sv_session *session, enum sv_ending ending, enum sv_verdict verdict)
{
	session->report.ending = ending;
	session->state = SV_SESSION_OVER;
	session->verdict = verdict;
	if (ending != SV_ENDING_RETRIED && sv_session_is_retried(session))
		session->cpu->retries = 0;
	return verdict;
}

enum sv_verdict sv_session_stop(struct sv_session *session, enum sv_reason reason)
{
	session->report.reason = reason;
	session->report.action = SV_ACTION_STOP;
	return sv_session_end(session, SV_ENDING_STOPPED, SV_VERDICT_STOP);
}

/*
 * The fault that stage 1 has for the access: one of stage 1, of alignment, or of a walk. That last one is an
 * external abort whether its table cannot be read or is in no memory.
 */
static struct sv_injection stage1_fault(const struct sv_session *session)
{
	uint8_t fsc = (uint8_t)SV_FSC(session->fault_esr);
	enum sv_fault_kind fault = sv_syndrome_fault_kind(fsc);

	return (struct sv_injection){
		.kind = fault == SV_FAULT_ALIGNMENT       ? SV_EXCEPTION_ALIGNMENT
			: fault == SV_FAULT_EXTERNAL_WALK ? SV_EXCEPTION_DATA_EXTERNAL
							  : SV_EXCEPTION_DATA_STAGE1,
		.fsc = fsc,
		.write = session->fault_esr & SV_ESR_WnR,
		.iss2 = (uint32_t)(session->fault_esr >> 32),
		.va = session->fault_va,
		.va_exact = true,
	};
}

static struct sv_injection injection_of(const struct sv_session *session)
{
	const struct sv_report *report = &session->report;
	bool indivisible = report->cause == SV_CAUSE_ATOMIC || report->cause == SV_CAUSE_EXCLUSIVE ||
			   report->cause == SV_CAUSE_LDST64B;
	/* The abort that says so; it needs an address, and an external abort makes do without. */
	bool atomic = indivisible && report->has_va;

	if (session->fault_reason && report->reason == session->fault_reason)
		return stage1_fault(session);
	return (struct sv_injection){
		.kind = atomic ? SV_EXCEPTION_UNSUPPORTED_ATOMIC : SV_EXCEPTION_DATA_EXTERNAL,
		.fsc = atomic ? SV_FSC_UNSUPPORTED_ATOMIC : SV_FSC_EXTERNAL,
		.write = report->write,
		.va = report->va,
		/* Where the byte in the way is the one that aborted, the FAR of the abort is its address. */
		.va_exact = atomic || (report->has_va && report->ipa != report->abort.fault_ipa),
	};
}

enum sv_verdict sv_session_inject(struct sv_session *session)
{
	const struct sv_injection injection = injection_of(session);

	session->report.exception = injection.kind;
	if (session->cpu->ops->inject(session->cpu->vcpu, &injection))
		return sv_session_stop(session, SV_REASON_NO_INJECTION);
	return sv_session_end(session, SV_ENDING_INJECTED, SV_VERDICT_RESUME);
}

enum sv_verdict sv_session_apply(struct sv_session *session, enum sv_ending would)
{
	session->report.action = session->report.rule->action;
	switch (session->report.action) {
	case SV_ACTION_OBSERVE:
		/*
		 * Without salvage the VM would have ended here: the embedder does that, or what it did
		 * before.
		 */
		session->report.would = would;
		session->report.exception = injection_of(session).kind;
		return sv_session_end(session, SV_ENDING_OBSERVED, SV_VERDICT_STOP);
	case SV_ACTION_STOP:
	case SV_ACTION_RESTART:
	case SV_ACTION_DUMP:
		return sv_session_end(session, SV_ENDING_STOPPED, SV_VERDICT_STOP);
	default:
		return sv_session_inject(session);
	}
}

enum sv_verdict sv_session_refusal(struct sv_session *session, enum sv_cause cause, enum sv_reason reason)
{
	struct sv_report *report = &session->report;
	enum sv_class iclass = report->has_insn ? report->insn.row->iclass : SV_CLASS_COUNT;

	report->cause = cause;
	report->reason = reason;
	report->rule = sv_policy_find(session->policy, cause, iclass, report->ipa);
	/* No rule can have it performed, and the rule that is named must be one that refuses. */
	if (report->rule->action == SV_ACTION_EMULATE || report->rule->action == SV_ACTION_IGNORE)
		report->rule = sv_policy_find(NULL, cause, iclass, report->ipa);
	return sv_session_apply(session, SV_ENDING_INJECTED);
}
