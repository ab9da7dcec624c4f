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
	};

	return NAME(texts, reason);
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
