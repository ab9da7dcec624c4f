/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One abort: fetch, decode, cross-check, plan, classify, perform, commit (docs/design.md, "The path of one
 * abort").
 */
#include <string.h>

#include <salvage/abort.h>

#include "session.h"

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

/* Rules that are no policy's: the device, or memory, refused in the end. */
static const struct sv_rule device_rule = {.action = SV_ACTION_INJECT, .text = "device"};
static const struct sv_rule memory_rule = {.action = SV_ACTION_INJECT, .text = "memory"};

/* An instruction that this version knows and does not perform. */
static enum sv_verdict refuse_row(struct sv_session *session)
{
	const struct sv_row *row = session->report.insn.row;

	return sv_session_refusal(session, sv_row_cause(row), SV_REASON_FIRST_REFUSED + row->refusal - 1);
}

/* Everything up to the point where the first element is performed. */
static enum sv_verdict prepare(struct sv_session *session)
{
	struct sv_report *report = &session->report;
	struct sv_context *context = &session->context;
	const struct sv_regs_ops *regs = &session->cpu->ops->regs;
	void *vcpu = session->cpu->vcpu;
	enum sv_reason reason, address;

	reason = sv_session_state(session);
	if (reason == SV_REASON_REGISTER)
		return sv_session_stop(session, reason);
	if (reason)
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, reason);

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

	reason = sv_session_check_syndrome(session);
	if (reason)
		return retry(session, SV_CAUSE_MISMATCH, reason);
	reason = sv_session_lack(report->insn.row, regs);
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
	address = sv_session_check_address(session);
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
	if (report->insn.row->refusal && !sv_session_by_policy(session))
		return refuse_row(session);
	/* The guest's own: it maps the page and tries again. */
	if (reason)
		return sv_session_refusal(session, SV_CAUSE_UNTRANSLATABLE, reason);
	reason = sv_session_obstacle(session);
	if (reason)
		return sv_session_refusal(session, SV_CAUSE_UNSUPPORTED, reason);

	if (!sv_session_classify(session))
		return sv_session_apply(session, SV_ENDING_INJECTED);
	report->action = report->rule->action;
	if (report->action == SV_ACTION_OBSERVE)
		return sv_session_apply(session, session->ignores ? SV_ENDING_IGNORED : SV_ENDING_COMPLETED);
	if (session->plan.no_access)
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

	sv_session_blame(session, piece.segment, piece.ipa);
	session->report.cause =
		is_memory(piece.segment->kind) ? SV_CAUSE_POISON : sv_session_decide(session, &piece).cause;
	session->report.rule = rule;
	session->report.action = rule->action;
	session->report.reason = reason;
	return sv_session_inject(session);
}

/*
 * Fills in the access that the embedder is to perform. The operands of atomics are long: only they pay for
 * them.
 */
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
		} else if (session->ignores &&
			   sv_session_decide(session, &piece).action == SV_ACTION_IGNORE) {
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

void sv_session_drop(struct sv_session *session)
{
	if (session->state == SV_SESSION_OVER)
		return;
	session->report.reason = SV_REASON_DROPPED;
	sv_session_end(session, SV_ENDING_RETRIED, SV_VERDICT_RETRY);
}

bool sv_session_memory(const struct sv_session *session, const struct sv_space *now)
{
	for (unsigned i = 0; i < session->segment_count; i++) {
		const struct sv_segment *segment = &session->segments[i];
		const struct sv_place place = sv_space_find(now, segment->ipa, segment->write);

		if (!is_memory(segment->kind))
			continue;
		if (place.kind != segment->kind || place.last - segment->ipa < segment->length - 1u ||
		    (uintptr_t)place.region->host - place.region->first !=
			    (uintptr_t)segment->region->host - segment->region->first)
			return false;
	}
	return true;
}

void sv_session_refuse(struct sv_session *session)
{
	if (session->state == SV_SESSION_WAIT)
		session->refused = true;
}
