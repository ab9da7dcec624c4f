/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/status.h>

#include "name.h"

const char *sv_status_text(enum sv_status status)
{
	static const char *const texts[] = {
#define X(name, text) [SV_##name] = text,
		SV_STATUSES(X)
#undef X
	};

	return NAME(texts, status);
}
