/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One abort: fetch, decode, cross-check, plan, classify, perform, commit (docs/design.md, "The path of one
 * abort").
 */
#include <string.h>

#include <salvage/abort.h>

#include "session.h"

/* ISS of a data abort (DDI 0487, D24.2, ESR_EL1, "ISS encoding for an exception from a Data Abort"). */
#define ISS_WnR       (UINT64_C(1) << 6)
#define ISS_CM        (UINT64_C(1) << 8)
#define ISS_LST(iss)  ((iss) >> 11 & 3) /* of a 64-byte access: which it was */
#define ISS_DFSC(iss) ((iss)&0x3f)

void sv_session_begin(struct sv_session *session, struct sv_cpu *cpu, const struct sv_space *space,
		      const struct sv_policy *policy, const struct sv_abort *abort)
{
	const struct sv_abort copy = *abort; /* it may be the one in the session's last report */

	/* What comes behind is written before it is read, and is most of the session. */
	memset(session, 0, offsetof(struct sv_session, context));
	session->cpu = cpu;
	session->space = space;
	session->policy = policy;
	session->report.abort = copy;
	session->report.ipa = copy.fault_ipa;
	session->report.write = copy.esr_iss & ISS_WnR;
}

/*
 * The word may have been changed by another vCPU since it aborted, or be read stale: the guest tries again.
 * A guest for which that does not help is neither believed nor called hostile; the policy decides. Counted
 * are retries of one instruction, wherever it aborts: another vCPU may move its page to and fro for ever. An
 * interrupt handler whose accesses complete in between does not begin it anew.
 */
static enum sv_verdict retry(struct sv_session *session, enum sv_cause cause, enum sv_reason reason)
{
	struct sv_report *report = &session->report;
	struct sv_cpu *cpu = session->cpu;

	if (!sv_session_is_retried(session)) {
		cpu->retries = 0;
		cpu->retry_pc = report->pc;
	}
	if (cpu->retries >= SV_RETRY_LIMIT)
		return sv_session_refusal(session, cause, reason);
	cpu->retries++;
	report->cause = cause;
	report->reason = reason;
	return sv_session_end(session, SV_ENDING_RETRIED, SV_VERDICT_RETRY);
}

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
static enum sv_reason check_syndrome(const struct sv_session *session)
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

/* Completes the report with the place that something is about. */
static void blame(struct sv_session *session, const struct sv_segment *segment, uint64_t ipa)
{
	struct sv_report *report = &session->report;

	report->ipa = ipa;
	report->va = segment->va + (ipa - segment->ipa);
	report->has_va = true;
	report->region = segment->region;
}

/* Whether some byte of the footprint is the one that aborted, and aborts still. */
static enum sv_reason check_address(struct sv_session *session)
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
			blame(session, segment, ipa);
		return is_memory(segment->kind) ? SV_REASON_MEMORY : SV_REASON_NONE;
	}
	return SV_REASON_ADDRESS;
}

/* Rules that are no policy's: the device itself refused. */
static const struct sv_rule window_rule = {.action = SV_ACTION_INJECT, .text = "device window"};
static const struct sv_rule device_rule = {.action = SV_ACTION_INJECT, .text = "device"};
/* Of a copy that has not come to the device yet, all of a chunk may be memory. */
static const struct sv_rule all_memory_rule = {.action = SV_ACTION_EMULATE, .text = "memory"};
static const struct sv_rule memory_rule = {.action = SV_ACTION_INJECT, .text = "memory"};

/* What is to be done about a piece that is not memory. */
struct decision {
	enum sv_cause cause;
	enum sv_reason reason;
	const struct sv_rule *rule;
	enum sv_action action; /* the rule's; if that observes, what would be done without it */
};

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

	if (session->plan.tags_only || session->plan.fails)
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
static struct decision decide(const struct sv_session *session, const struct sv_piece *piece)
{
	enum sv_class iclass = session->report.insn.row->iclass;
	struct decision decision = {sv_row_cause(session->report.insn.row), SV_REASON_NONE, NULL,
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
static bool classify(struct sv_session *session)
{
	struct sv_report *report = &session->report;
	unsigned total = sv_session_total(session), offset = 0;
	const struct sv_rule *observer = NULL;
	bool refused = false;
	struct sv_piece piece;

	for (; (offset = sv_session_active(session, offset)) < total; offset += piece.size) {
		struct decision decision;
		bool refuses;

		piece = sv_session_piece(session, offset);
		if (is_memory(piece.segment->kind))
			continue;
		decision = decide(session, &piece);
		refuses = decision.action != SV_ACTION_EMULATE && decision.action != SV_ACTION_IGNORE;
		if (decision.action == SV_ACTION_IGNORE)
			session->ignores = true;
		if (decision.rule->action == SV_ACTION_OBSERVE && !observer)
			observer = decision.rule;
		if (!report->rule || (refuses && !refused)) {
			report->cause = decision.cause;
			report->reason = decision.reason;
			report->rule = decision.rule;
			blame(session, piece.segment, culprit(session, &piece));
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

/* An instruction that this version knows and does not perform. */
static enum sv_verdict refuse_row(struct sv_session *session)
{
	const struct sv_row *row = session->report.insn.row;

	return sv_session_refusal(session, sv_row_cause(row), SV_REASON_FIRST_REFUSED + row->refusal - 1);
}

/* Whether a rule wants what is refused otherwise: of exclusives alone is there something to do. */
static bool by_policy(const struct sv_session *session)
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
static enum sv_reason obstacle(const struct sv_session *session)
{
	if (session->plan.single && session->segment_count > 1)
		return SV_REASON_FRAGMENTED;
	for (unsigned i = 0; session->plan.tags && i < session->segment_count; i++)
		if (is_memory(session->segments[i].kind))
			return SV_REASON_TAGGED_MEMORY;
	return SV_REASON_NONE;
}

/* Which registers an instruction needs that not every embedder gives. */
static enum sv_reason lack(const struct sv_row *row, const struct sv_regs_ops *regs)
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

/* Everything up to the point where the first element is performed. */
static enum sv_verdict prepare(struct sv_session *session)
{
	struct sv_report *report = &session->report;
	struct sv_context *context = &session->context;
	const struct sv_regs_ops *regs = &session->cpu->ops->regs;
	void *vcpu = session->cpu->vcpu;
	enum sv_reason reason, address;

	if (!(session->cpu->flags & SV_CPU_PROTECTED)) {
		if (regs->get(vcpu, SV_PC, &context->pc) || regs->get(vcpu, SV_PSTATE, &context->pstate))
			return sv_session_stop(session, SV_REASON_REGISTER);
		report->pc = context->pc;
		report->has_pc = true;
	}
	reason = unsupported(session);
	if (reason)
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, reason);
	if (sv_session_regs.get(session, SV_SCTLR_EL1, &context->sctlr_el1))
		return sv_session_stop(session, SV_REASON_REGISTER);

	reason = sv_session_fetch(session, &report->word);
	switch (reason) {
	case SV_REASON_NONE:
		break;
	case SV_REASON_REGISTER:
		return sv_session_stop(session, reason);
	case SV_REASON_WALK_UNSUPPORTED:
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, reason);
	case SV_REASON_FETCH_FAULT:
		return sv_session_refusal(session, SV_CAUSE_POISON, reason);
	default:
		return retry(session, SV_CAUSE_UNTRANSLATABLE, reason);
	}
	report->has_word = true;
	if (sv_decode(SV_A64, report->word, &report->insn))
		return retry(session, SV_CAUSE_UNDECODABLE, SV_REASON_NOT_DECODED);
	report->has_insn = true;

	reason = check_syndrome(session);
	if (reason)
		return retry(session, SV_CAUSE_MISMATCH, reason);
	reason = lack(report->insn.row, regs);
	if (reason)
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, reason);
	switch (sv_plan_address(&report->insn, context, regs, vcpu, &session->plan)) {
	case SV_OK:
		break;
	case SV_UNSUPPORTED:
		if (report->insn.row->refusal)
			return refuse_row(session);
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, SV_REASON_SVE);
	case SV_NOT_MEMORY:
		return retry(session, SV_CAUSE_MISMATCH, SV_REASON_ADDRESS);
	default:
		return sv_session_stop(session, SV_REASON_REGISTER);
	}

	reason = sv_session_segments(session);
	if (reason == SV_REASON_REGISTER)
		return sv_session_stop(session, reason);
	if (reason == SV_REASON_WALK_UNSUPPORTED || reason == SV_REASON_FRAGMENTED)
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, reason);
	/* Behind a table that cannot be read nobody can tell which byte it was. */
	if (reason == SV_REASON_MEMORY_FAULT)
		return sv_session_refusal(session, SV_CAUSE_POISON, reason);
	address = check_address(session);
	if (address)
		return retry(session, reason ? SV_CAUSE_UNTRANSLATABLE : SV_CAUSE_MISMATCH,
			     reason ? reason : address);
	/*
	 * A CPU checks alignment before stage 2 (DDI 0487, D8.5.2), so a word that aborted there and is not
	 * aligned has changed; emulated ones (QEMU) do not.
	 */
	if (reason == SV_REASON_ALIGNMENT)
		return retry(session, SV_CAUSE_UNTRANSLATABLE, reason);
	if (report->insn.unpredictable)
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, SV_REASON_UNPREDICTABLE);
	if (report->insn.row->refusal && !by_policy(session))
		return refuse_row(session);
	/* The guest's own: it maps the page and tries again. */
	if (reason)
		return sv_session_refusal(session, SV_CAUSE_UNTRANSLATABLE, reason);
	reason = obstacle(session);
	if (reason)
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, reason);

	if (!classify(session))
		return sv_session_apply(session, SV_ENDING_INJECTED);
	report->action = report->rule->action;
	if (report->action == SV_ACTION_OBSERVE)
		return sv_session_apply(session, session->ignores ? SV_ENDING_IGNORED : SV_ENDING_COMPLETED);
	if (session->plan.tags_only || session->plan.fails)
		session->offset = (uint16_t)sv_session_total(session);
	else if (sv_plan_data(&report->insn, regs, vcpu, &session->plan))
		return sv_session_stop(session, SV_REASON_REGISTER);
	if (session->plan.release)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	session->state = SV_SESSION_PERFORM;
	return SV_VERDICT_ACCESS;
}

/*
 * Registers as hardware would leave them. The base and the destinations first: a kernel that fails here has
 * changed no PC.
 */
static enum sv_verdict commit(struct sv_session *session)
{
	const struct sv_insn *insn = &session->report.insn;
	const struct sv_regs_ops *regs = &session->cpu->ops->regs;
	void *vcpu = session->cpu->vcpu;
	bool steps = session->cpu->host_steps && !session->plan.unfinished;
	uint64_t pstate = session->context.pstate & ~(SV_PSTATE_BTYPE | (steps ? 0 : SV_PSTATE_SS));

	if (session->plan.acquire)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (sv_finish(insn, &session->context, &session->plan, regs, vcpu))
		return sv_session_stop(session, SV_REASON_REGISTER);
	/* What is not over is not stepped over either. */
	if (!session->plan.unfinished &&
	    (regs->set(vcpu, SV_PC, session->context.pc + insn->length) ||
	     (pstate != session->context.pstate && regs->set(vcpu, SV_PSTATE, pstate))))
		return sv_session_stop(session, SV_REASON_REGISTER);
	session->report.stepped = steps;
	return sv_session_end(session, session->ignores ? SV_ENDING_IGNORED : SV_ENDING_COMPLETED,
			      SV_VERDICT_RESUME);
}

/* The instruction ends with an abort: base and destinations unchanged; what earlier devices saw stands. */
static enum sv_verdict abandon(struct sv_session *session, const struct sv_rule *rule, enum sv_reason reason)
{
	struct sv_piece piece = sv_session_piece(session, session->offset);

	blame(session, piece.segment, piece.ipa);
	session->report.cause =
		is_memory(piece.segment->kind) ? SV_CAUSE_POISON : decide(session, &piece).cause;
	session->report.rule = rule;
	session->report.action = rule->action;
	session->report.reason = reason;
	return sv_session_inject(session);
}

/* Fills in the access that the embedder is to perform. The operands of atomics are long: only they pay for them. */
static void ask(struct sv_session *session, const struct sv_piece *piece, const uint8_t *data)
{
	const struct sv_plan *plan = &session->plan;
	struct sv_access *access = &session->access;

	access->ipa = piece->ipa;
	access->region = piece->segment->region;
	access->size = (uint8_t)piece->size;
	access->write = piece->segment->write;
	access->responds = plan->responds;
	access->response = 0;
	access->op = plan->op;
	access->big_endian = plan->big_endian;
	if (plan->op) {
		memcpy(access->operand, plan->operand, sizeof(plan->operand));
		memcpy(access->compare, plan->compare, sizeof(plan->compare));
	}
	/* A device that fills in nothing reads as zero, not as what went before. */
	memset(access->data, 0, piece->size);
	if (access->write && !plan->op)
		memcpy(access->data, data, piece->size);
}

/* The data of the piece at session->offset. */
static uint8_t *plan_bytes(struct sv_session *session)
{
	struct sv_plan *plan = &session->plan;

	return plan->data + session->offset % (unsigned)(plan->esize * plan->count);
}

static enum sv_verdict perform(struct sv_session *session)
{
	const struct sv_cpu_ops *ops = session->cpu->ops;
	struct sv_plan *plan = &session->plan;
	unsigned total = sv_session_total(session);

	while ((session->offset = (uint16_t)sv_session_active(session, session->offset)) < total) {
		struct sv_piece piece = sv_session_piece(session, session->offset);
		uint8_t *data = plan_bytes(session);
		enum sv_status status = SV_OK;

		if (is_memory(piece.segment->kind)) {
			const struct sv_region *region = piece.segment->region;

			if (piece.segment->write)
				status = ops->store(session->cpu->vcpu, region, piece.ipa, piece.size, data);
			else
				status = ops->load(session->cpu->vcpu, region, piece.ipa, piece.size, data);
		} else if (session->ignores && decide(session, &piece).action == SV_ACTION_IGNORE) {
			if (!piece.segment->write || plan->op)
				memset(data, 0, piece.size);
		} else {
			ask(session, &piece, data);
			session->state = SV_SESSION_WAIT;
			return SV_VERDICT_ACCESS;
		}
		if (status)
			return abandon(session, &memory_rule, SV_REASON_MEMORY_FAULT);
		session->offset += (uint16_t)piece.size;
	}
	return commit(session);
}

enum sv_verdict sv_session_next(struct sv_session *session)
{
	switch ((enum sv_session_state)session->state) {
	case SV_SESSION_FRESH:
		if (prepare(session) != SV_VERDICT_ACCESS)
			return session->verdict;
		break;
	case SV_SESSION_PERFORM:
		break;
	case SV_SESSION_WAIT:
		if (session->refused)
			return abandon(session, &device_rule, SV_REASON_DEVICE_REFUSED);
		if (!session->access.write || session->access.op)
			memcpy(plan_bytes(session), session->access.data, session->access.size);
		session->plan.response = session->access.response;
		session->report.accesses++;
		session->offset += session->access.size;
		session->state = SV_SESSION_PERFORM;
		break;
	case SV_SESSION_OVER:
		return session->verdict;
	}
	return perform(session);
}

void sv_session_refuse(struct sv_session *session)
{
	if (session->state == SV_SESSION_WAIT)
		session->refused = true;
}
