/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A target without a fuzzer: runs it on files, and on those in directories, once each and in order. Passes
 * unless something crashes. This is how the corpus is a unit test, with any compiler, and how a crash is
 * looked at in a debugger.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static unsigned long inputs;

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data;

	/* The name first: where it is the last line, that file is the one. */
	dprintf(STDOUT_FILENO, "# %s\n", path);
	if (!file || fstat(fileno(file), &st)) {
		perror(path);
		return 1;
	}
	/* Exactly as long as the input, so that a sanitizer sees what is read behind it. */
	data = malloc((size_t)st.st_size);
	if ((!data && st.st_size) || fread(data, 1, (size_t)st.st_size, file) != (size_t)st.st_size) {
		perror(path);
		return 1;
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	inputs++;
	return 0;
}

static int run_directory(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort), failed = count < 0;

	for (int i = 0; i < count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			failed |= run_file(name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (!stat(argv[i], &st) && S_ISDIR(st.st_mode))
			failed |= run_directory(argv[i]);
		else
			failed |= run_file(argv[i]);
	}
	dprintf(STDOUT_FILENO, "# %lu inputs\n", inputs);
	return failed || !inputs;
}
