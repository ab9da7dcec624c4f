/* SPDX-License-Identifier: BSD-2-Clause */
#include "tables.h"

const struct sv_row *sv_rows(enum sv_isa isa, size_t *count)
{
	*count = isa == SV_A64 ? sv_a64.count : 0;
	return isa == SV_A64 ? sv_a64.rows : NULL;
}

const char *sv_row_name(const struct sv_row *row)
{
	return sv_a64_names.pool + sv_a64_names.rows[row - sv_a64.rows].name;
}

const char *sv_row_feature(const struct sv_row *row)
{
	return sv_a64_names.pool + sv_a64_names.rows[row - sv_a64.rows].feature;
}

int sv_row_wnr(const struct sv_row *row, bool permission_fault)
{
	if (!(row->flags & SV_ROW_LOAD))
		return 1;
	if (!(row->flags & SV_ROW_STORE))
		return 0;
	return row->op ? permission_fault : -1;
}

const char *sv_class_name(enum sv_class iclass)
{
	static const char *const names[] = {
#define X(name, text) text,
		SV_CLASSES(X)
#undef X
	};

	return (unsigned)iclass < SV_CLASS_COUNT ? names[iclass] : "unknown";
}

const char *sv_refusal_text(enum sv_refusal refusal)
{
	static const char *const texts[] = {"",
#define X(name, text) text,
					    SV_REFUSALS(X)
#undef X
	};

	return (unsigned)refusal < SV_REFUSAL_COUNT ? texts[refusal] : "";
}
