/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "support/check.h"
#include "table.h"

void table_open(struct table *table, const char *path)
{
	memset(table, 0, sizeof(*table));
	table->file = fopen(path, "r");
	if (!table->file)
		fail_msg("%s cannot be opened", path);
}

bool table_next(struct table *table)
{
	do {
		if (!fgets(table->line, sizeof(table->line), table->file)) {
			fclose(table->file);
			return false;
		}
		snprintf(table->where, sizeof(table->where), "line %u", ++table->number);
		check(table->where, strchr(table->line, '\n'));
		*strchr(table->line, '\n') = 0;
	} while (!*table->line || *table->line == '#');

	char *at = table->line;

	for (unsigned i = 0; i < COLUMNS; i++) {
		char *end = strstr(at, "  ");

		table->column[i] = at;
		if (!end)
			end = at + strlen(at);
		at = end + strspn(end, " ");
		*end = 0;
	}
	check(table->where, !*at);
	return true;
}

uint64_t table_hex(const struct table *table, const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 16);

	if (!*text || *end)
		fail_msg("%s: \"%s\" is not hexadecimal", table->where, text);
	return value;
}

char *table_token(char **list, char **value)
{
	char *token = strtok_r(*list, " ", list);

	if (!token)
		return NULL;
	*value = strchr(token, '=');
	if (*value)
		*(*value)++ = 0;
	else
		*value = token + strlen(token);
	return token;
}

const struct sv_row *table_row(const struct table *table, const char *name)
{
	size_t count;
	const struct sv_row *rows = sv_rows(SV_A64, &count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(sv_row_name(&rows[i]), name))
			return &rows[i];
	fail_msg("%s: no row is called %s", table->where, name);
	return NULL;
}
