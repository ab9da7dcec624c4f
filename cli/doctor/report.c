/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

static const char *const state_names[] = {[DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_LACK] = "lack"};

bool doctor_begin(struct doctor *doctor)
{
	doctor->lacking = false;
	return (doctor->lines = json_array());
}

void doctor_end(struct doctor *doctor)
{
	json_decref(doctor->lines);
	doctor->lines = NULL;
}

/* Names of files and threads may hold anything; a line stays a line, and JSON wants UTF-8. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void doctor_say(struct doctor *doctor, enum doctor_state state, const char *what, const char *remedy,
		const char *detail, ...)
{
	char *text;
	va_list ap;
	int length;

	va_start(ap, detail);
	length = vasprintf(&text, detail, ap);
	va_end(ap);
	doctor->lacking |= state == DOCTOR_LACK;
	if (length < 0)
		return;
	make_printable(text);
	json_array_append_new(doctor->lines, json_pack("{s:s, s:s, s:s, s:s?}", "state", state_names[state],
						       "what", what, "detail", text, "remedy", remedy));
	free(text);
}

static const char *string(const json_t *line, const char *key)
{
	return json_string_value(json_object_get(line, key));
}

bool doctor_print(const struct doctor *doctor, bool json)
{
	int width = 0;
	json_t *line;
	size_t i;

	json_array_foreach(doctor->lines, i, line) if (width < (int)strlen(string(line, "what"))) width =
		(int)strlen(string(line, "what"));
	json_array_foreach(doctor->lines, i, line)
	{
		const char *remedy = string(line, "remedy");

		if (json) {
			json_dumpf(line, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			printf("%-4s  %-*s  %s%s%s\n", string(line, "state"), width, string(line, "what"),
			       string(line, "detail"), remedy ? "; " : "", remedy ? remedy : "");
		}
	}
	return !fflush(stdout) && !ferror(stdout);
}

char *doctor_path(const struct doctor *doctor, const char *name)
{
	char *path;

	return asprintf(&path, "%s%s", doctor->root, name) < 0 ? NULL : path;
}

bool doctor_read(const struct doctor *doctor, const char *name, char *line, size_t size)
{
	char *path = doctor_path(doctor, name);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	ssize_t length = fd < 0 ? -1 : read(fd, line, size - 1);

	if (fd >= 0)
		close(fd);
	free(path);
	if (length < 0)
		return false;
	line[length] = 0;
	line[strcspn(line, "\n")] = 0;
	return true;
}
