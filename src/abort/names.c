/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/abort.h>

#include "../name.h"

const char *sv_ending_name(enum sv_ending ending)
{
	static const char *const names[] = {
#define X(name, text) [SV_ENDING_##name] = text,
		SV_ENDINGS(X)
#undef X
	};

	return NAME(names, ending);
}

const char *sv_reason_text(enum sv_reason reason)
{
	static const char *const texts[] = {
#define X(name, text) [SV_REASON_##name] = text,
		SV_REASONS(X)
#undef X
#define X(name, text) [SV_REASON_REFUSED_##name] = text,
			SV_REFUSALS(X)
#undef X
	};

	return NAME(texts, reason);
}

enum sv_cause sv_row_cause(const struct sv_row *row)
{
	if (row->refusal)
		return row->iclass == SV_CLASS_EXCLUSIVE ? SV_CAUSE_EXCLUSIVE : SV_CAUSE_UNSUPPORTED;
	if (row->iclass == SV_CLASS_LDST64B)
		return SV_CAUSE_LDST64B;
	return row->iclass == SV_CLASS_ATOMIC ? SV_CAUSE_ATOMIC : SV_CAUSE_NISV;
}

const char *sv_cause_name(enum sv_cause cause)
{
	static const char *const names[] = {
#define X(name, text) [SV_CAUSE_##name] = text,
		SV_CAUSES(X)
#undef X
	};

	return NAME(names, cause);
}

const char *sv_action_name(enum sv_action action)
{
	static const char *const names[] = {
#define X(name, text) [SV_ACTION_##name] = text,
		SV_ACTIONS(X)
#undef X
	};

	return NAME(names, action);
}
