/* SPDX-License-Identifier: BSD-2-Clause */
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void make(struct files *files, bool fast)
{
	const char *top = fast && !access("/dev/shm", W_OK) ? "/dev/shm" : "/tmp";

	snprintf(files->directory, sizeof(files->directory), "%s/salvage-ras-XXXXXX", top);
	assert_non_null(mkdtemp(files->directory));
	snprintf(files->journal, sizeof(files->journal), "%s/journal", files->directory);
	snprintf(files->ledger, sizeof(files->ledger), "%s/ledger", files->directory);
}

void files_make(struct files *files)
{
	make(files, false);
}

void files_make_fast(struct files *files)
{
	make(files, true);
}

void files_remove(const struct files *files)
{
	DIR *directory = opendir(files->directory);
	struct dirent *entry;

	while ((entry = readdir(directory)))
		unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(files->directory);
}

unsigned files_count(const struct files *files, const char *prefix)
{
	DIR *directory = opendir(files->directory);
	struct dirent *entry;
	unsigned count = 0;

	while ((entry = readdir(directory)))
		count += !strncmp(entry->d_name, prefix, strlen(prefix));
	closedir(directory);
	return count;
}

void files_copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char chunk[4096];
	ssize_t got;

	while ((got = read(in, chunk, sizeof(chunk))) > 0)
		assert_int_equal(write(out, chunk, (size_t)got), got);
	close(in);
	close(out);
}

struct sv_memory_error error_at(uint64_t gpa)
{
	return (struct sv_memory_error){.source = SV_RAS_SEA_DATA,
					.valid = SV_RAS_GPA,
					.gpa = gpa,
					.realtime_ns = gpa + 1,
					.monotonic_ns = 1};
}

struct sv_ras *ras_at(const char *journal, uint8_t boot, uint32_t max_pages, struct sv_ras_opening *opening)
{
	struct sv_ras_config config = {.vm = "guest", .journal = journal, .max_pages = max_pages};
	struct sv_ras_opening own;
	struct sv_ras *ras;

	memset(config.boot, boot, sizeof(config.boot));
	if (!opening)
		opening = &own;
	if (sv_ras_open(&config, &ras, opening) != SV_OK)
		fail_msg("%s", opening->text);
	return ras;
}

struct sv_ras_answer record_at(struct sv_ras *ras, uint64_t gpa)
{
	struct sv_memory_error error = error_at(gpa);
	struct sv_ras_answer answer;

	assert_int_equal(sv_ras_record(ras, &error, &answer), SV_OK);
	return answer;
}
