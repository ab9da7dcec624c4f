/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Rust does not lay out itself: a session and an instruction stay C's; of the rest the tests compare
 * sizes and numbers.
 */
#include <salvage/abort.h>

const size_t glue_session_size = sizeof(struct sv_session);

const size_t glue_numbers[] = {
	sizeof(struct sv_region),
	sizeof(struct sv_space),
	sizeof(struct sv_cpu),
	sizeof(struct sv_cpu_ops),
	sizeof(struct sv_abort),
	sizeof(struct sv_access),
	offsetof(struct sv_access, data),
	offsetof(struct sv_region, host),
	SV_SP_EL1,
	SV_PC,
	SV_PSTATE,
	SV_REG_COUNT,
	SV_FAULT,
	SV_UNSUPPORTED,
	SV_REGISTER,
	SV_VERDICT_ACCESS,
	SV_REGION_RAM,
	SV_REGION_WINDOW,
};

struct sv_access *glue_access(struct sv_session *session)
{
	return &session->access;
}

enum sv_ending glue_ending(const struct sv_session *session)
{
	return session->report.ending;
}

/* False if the word is no load or store. */
bool glue_text(uint32_t word, char *buffer, size_t size)
{
	struct sv_insn insn;

	if (sv_decode(SV_A64, word, &insn) != SV_OK)
		return false;
	sv_insn_format(&insn, 0, buffer, size);
	return true;
}
