/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the opcode and every byte of the footprint are: translation, then the IPA space. */
#include <salvage/abort.h>

#include "session.h"

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	struct sv_session *session = vcpu;
	unsigned index = reg - SV_SCTLR_EL1;
	enum sv_status status;

	if (reg < SV_SCTLR_EL1)
		return session->cpu->ops->regs.get(session->cpu->vcpu, reg, value);
	if (!(session->system_regs_read >> index & 1)) {
		status = session->cpu->ops->regs.get(session->cpu->vcpu, reg, &session->system_regs[index]);
		if (status)
			return status;
		session->system_regs_read |= 1u << index;
	}
	*value = session->system_regs[index];
	return SV_OK;
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	struct sv_session *session = vcpu;

	return session->cpu->ops->regs.set(session->cpu->vcpu, reg, value);
}

const struct sv_regs_ops sv_session_regs = {.get = get, .set = set};

static enum sv_status read_memory(struct sv_session *session, uint64_t ipa, unsigned size, void *data)
{
	struct sv_place place = sv_space_find(session->space, ipa, false);

	if (!is_memory(place.kind) || place.last - ipa < size - 1)
		return SV_TRANSLATION;
	return session->cpu->ops->load(session->cpu->vcpu, place.region, ipa, size, data);
}

enum sv_status sv_session_read_descriptor(void *session, uint64_t ipa, uint64_t *value)
{
	return read_memory(session, ipa, sizeof(*value), value);
}

static enum sv_status translate(struct sv_session *session, uint64_t va, struct sv_access_kind kind,
				struct sv_translation *translation)
{
	return sv_translate(&session->context, session->cpu->mmu_features, va, kind, &sv_session_regs,
			    sv_session_read_descriptor, session, translation);
}

enum sv_reason sv_session_fetch(struct sv_session *session, uint32_t *word)
{
	struct sv_access_kind kind = {.fetch = true, .el0 = !SV_PSTATE_EL(session->context.pstate)};
	struct sv_translation translation;

	if (session->context.pc & 3)
		return SV_REASON_PC_TRANSLATION;
	switch (translate(session, session->context.pc, kind, &translation)) {
	case SV_OK:
		break;
	case SV_REGISTER:
		return SV_REASON_REGISTER;
	case SV_UNSUPPORTED:
		return SV_REASON_WALK_UNSUPPORTED;
	case SV_FAULT:
		return SV_REASON_FETCH_FAULT;
	default:
		return SV_REASON_PC_TRANSLATION;
	}
	switch (read_memory(session, translation.ipa, sizeof(*word), word)) {
	case SV_OK:
		return SV_REASON_NONE;
	case SV_FAULT:
		return SV_REASON_FETCH_FAULT;
	default:
		return SV_REASON_PC_NOT_MEMORY;
	}
}

static enum sv_reason reason_of(enum sv_status status)
{
	switch (status) {
	case SV_REGISTER:
		return SV_REASON_REGISTER;
	case SV_UNSUPPORTED:
		return SV_REASON_WALK_UNSUPPORTED;
	case SV_FAULT:
		return SV_REASON_MEMORY_FAULT;
	default:
		return SV_REASON_DATA_TRANSLATION;
	}
}

/* Adds length bytes (at least 1) of the footprint, linear from ipa on, cut where places change. */
static enum sv_reason add(struct sv_session *session, unsigned offset, uint64_t ipa, uint64_t length)
{
	while (length) {
		struct sv_place place = sv_space_find(session->space, ipa, session->plan.write);
		uint64_t run = place.last - ipa < length - 1 ? place.last - ipa + 1 : length;

		if (session->segment_count == SV_SEGMENTS)
			return SV_REASON_FRAGMENTED;
		session->segments[session->segment_count++] = (struct sv_segment){
			.offset = (uint16_t)offset,
			.length = (uint16_t)run,
			.ipa = ipa,
			.kind = place.kind,
			.region = place.region,
		};
		offset += (unsigned)run;
		ipa += run;
		length -= run;
	}
	return SV_REASON_NONE;
}

enum sv_reason sv_session_segments(struct sv_session *session)
{
	const struct sv_plan *plan = &session->plan;
	unsigned total = plan->esize * plan->count, offset = 0;
	/* PSTATE.UAO makes the unprivileged forms ordinary ones (DDI 0487, C5.2, UAO). */
	bool unprivileged = plan->unprivileged && !(session->context.pstate & SV_PSTATE_UAO);
	struct sv_access_kind kind = {.write = plan->write,
				      .el0 = unprivileged || !SV_PSTATE_EL(session->context.pstate)};

	session->segment_count = 0;
	while (offset < total) {
		uint64_t va = plan->va + offset, length = total - offset;
		struct sv_translation translation;
		enum sv_reason reason;
		enum sv_status status = translate(session, va, kind, &translation);

		if (!status && translation.last - translation.ipa < length - 1)
			length = translation.last - translation.ipa + 1;
		if (status)
			reason = reason_of(status);
		else if (plan->va % plan->align && (translation.device || plan->align > plan->esize))
			/* The fault is stage 1's, before any stage-2 abort (DDI 0487, D8.5.2). */
			reason = SV_REASON_ALIGNMENT;
		else
			reason = add(session, offset, translation.ipa, length);
		if (reason) {
			session->report.va = va;
			session->report.has_va = true;
			if (!status)
				session->report.ipa = translation.ipa;
			return reason;
		}
		offset += (unsigned)length;
	}
	return SV_REASON_NONE;
}

struct sv_piece sv_session_piece(const struct sv_session *session, unsigned offset)
{
	const struct sv_segment *segment = session->segments;
	/* No embedder's bus is wider than KVM's 8 bytes: a Q register goes out in halves. */
	unsigned esize = session->plan.esize > 8 ? 8 : session->plan.esize;
	unsigned into = offset % esize, size = esize - into, left;
	uint64_t ipa;

	/* An atomic is one access: sv_session_next has seen to it that it lies in one place. */
	if (session->plan.op)
		return (struct sv_piece){segment, segment->ipa, segment->length};
	while (offset >= (unsigned)segment->offset + segment->length)
		segment++;
	ipa = segment->ipa + (offset - segment->offset);
	left = segment->offset + segment->length - offset;
	if (into || left < size) {
		/*
		 * An element cut by a boundary goes out in naturally aligned parts: no bus carries 3 bytes.
		 */
		unsigned part = 1;

		if (left > size)
			left = size;
		while (part * 2 <= left && !(ipa & (part * 2 - 1)))
			part *= 2;
		size = part;
	}
	return (struct sv_piece){segment, ipa, size};
}
