/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session reads of its vCPU: system registers once each, descriptors, the opcode. */
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

enum sv_status sv_session_translate(struct sv_session *session, uint64_t va, struct sv_access_kind kind,
				    struct sv_translation *translation)
{
	enum sv_status status =
		sv_translate(&session->context, session->cpu->mmu_features, va, kind, &sv_session_regs,
			     sv_session_read_descriptor, session, translation);

	if (status == SV_UNSUPPORTED)
		session->report.walk_refusal = translation->refusal;
	/* Tables that have gone since the abort are no poison. */
	return status == SV_FAULT && translation->no_table ? SV_TRANSLATION : status;
}

enum sv_reason sv_session_reason(enum sv_status status)
{
	switch (status) {
	case SV_OK:
		return SV_REASON_NONE;
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

enum sv_reason sv_session_fetch(struct sv_session *session, uint32_t *word)
{
	struct sv_access_kind kind = {.fetch = true, .el0 = sv_access_el0(&session->context, false)};
	struct sv_translation translation;

	if (session->context.pc & 3)
		return SV_REASON_PC_TRANSLATION;
	switch (sv_session_translate(session, session->context.pc, kind, &translation)) {
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
