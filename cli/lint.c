/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage lint: the command line, and what it ends with. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "lint.h"

#define PLUGIN "lint/salvage-lint.so"

static const char help[] =
	"usage: salvage lint [--fail] [--json] [--output=FILE] [--elf=FILE]... -- qemu-system-aarch64 ARG...\n\n"
	"Runs a guest under QEMU's emulation (TCG), which lets everything pass, and reports each access to a device by an\n"
	"instruction that the CPU would not describe to KVM (ISV=0): under KVM the guest dies there. Also accesses to holes.\n"
	"QEMU gets its command line as it is, and a plugin.\n\n"
	"  --fail         status 1 if there was such an access, to a device or a hole\n"
	"  --json         one JSON object a line\n"
	"  --output=FILE  the report goes there, not to standard error (with --json: standard output)\n"
	"  --elf=FILE     takes names and lines from there; several may be given. Without, QEMU's -kernel is tried\n\n"
	"Exit status: QEMU's own, 128 plus the signal if one killed it; with --fail 1 if there was a finding; 100 usage;\n"
	"101 QEMU is missing or not fit, or with --fail nothing was looked at; 106 internal error.\n";

struct options {
	bool fail, json;
	const char *output;
};

static struct lint_report *make_report(int *fd)
{
	struct lint_report *report;

	*fd = memfd_create("salvage-lint", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, sizeof(*report)))
		return NULL;
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (report == MAP_FAILED)
		return NULL;
	lint_report_init(report);
	return report;
}

/* The plugin was not asked in, or left at once. QEMU has said its part by itself. */
static int refused(const struct lint_qemu *qemu, const struct lint_report *report, int wait)
{
	const char *program = qemu->words[qemu->program];
	char target[sizeof(report->target)];

	memcpy(target, report->target, sizeof(target));
	target[sizeof(target) - 1] = 0;
	if (report->state == LINT_OTHER_TARGET)
		return cli_fail(CLI_UNAVAILABLE, program, "emulates %s, not arm64; give qemu-system-aarch64",
				target);
	if (report->state == LINT_USER_MODE)
		return cli_fail(CLI_UNAVAILABLE, program,
				"emulates a program, which has no devices; give qemu-system-aarch64");
	return cli_fail(
		CLI_UNAVAILABLE, program,
		"%s %d before it took the plugin; what it said is above. If that is about the plugin's API version: "
		"this is QEMU %s, and salvage knows 7.2 to 11.1",
		WIFSIGNALED(wait) ? "was killed by signal" : "ended with status",
		WIFSIGNALED(wait) ? WTERMSIG(wait) : WEXITSTATUS(wait),
		*qemu->version ? qemu->version : "of an unknown version");
}

static int write_report(const struct lint_findings *findings, const struct options *options)
{
	FILE *out = options->json ? stdout : stderr;
	bool ok = true;

	if (options->output) {
		out = fopen(options->output, "we");
		if (!out)
			return cli_fail(CLI_UNAVAILABLE, options->output, "%s", strerror(errno));
	}
	if (options->json)
		ok = lint_print_json(findings, out);
	else
		lint_print(findings, out);
	if (!ok)
		cli_fail(CLI_INTERNAL, "lint", "%s", strerror(ENOMEM));
	if (fflush(out) || ferror(out) || (options->output && fclose(out)))
		return cli_fail(CLI_UNAVAILABLE, options->output ? options->output : "report", "%s",
				strerror(errno));
	return ok ? 0 : CLI_INTERNAL;
}

static int conclude(const struct lint_findings *findings, const struct options *options, int wait)
{
	if (options->fail && findings->undescribed)
		return 1;
	if (options->fail && !findings->watched)
		return cli_fail(CLI_UNAVAILABLE, "lint", "the guest ran no AArch64 code; see what QEMU said");
	return WIFSIGNALED(wait) ? 128 + WTERMSIG(wait) : WEXITSTATUS(wait);
}

static int lint(struct lint_qemu *qemu, struct lint_code *code, const struct options *options)
{
	struct lint_findings findings = {0};
	struct lint_map map = {0};
	struct lint_log log = {0}, *logged = NULL;
	struct lint_report *report = NULL;
	char *plugin = cli_resource(PLUGIN), reason[128];
	int fd = -1, wait = 0, status;

	if (!plugin) {
		status = cli_fail(CLI_UNAVAILABLE, "lint", PLUGIN " is missing; install salvage whole");
		goto out;
	}
	status = lint_qemu_ask(qemu);
	if (status)
		goto out;
	if (!strncmp(qemu->version, "11.0", 4))
		setenv(LINT_VERSION, "6", 1);
	report = make_report(&fd);
	if (!report || (!qemu->logging && qemu->asked && !lint_log_init(&log, report))) {
		status = cli_fail(CLI_INTERNAL, "lint", "%s", strerror(errno));
		goto out;
	}
	logged = log.list ? &log : NULL;
	status = lint_qemu_run(qemu, plugin, fd, logged, &wait);
	if (!status && report->state != LINT_WATCHING)
		status = refused(qemu, report, wait);
	if (status)
		goto out;
	/* --fail's status would hide it. */
	if (WIFSIGNALED(wait))
		cli_fail(0, qemu->words[qemu->program],
			 "was killed by signal %d; the report is of what came before", WTERMSIG(wait));
	if (report->finding_count || log.count)
		lint_qemu_map(qemu, &map);
	if (!lint_findings_make(&findings, report, logged, &map, code)) {
		status = cli_fail(CLI_INTERNAL, "lint", "%s", strerror(ENOMEM));
		goto out;
	}
	if (qemu->logging) {
		snprintf(reason, sizeof(reason), "they are found in QEMU's log, which %s takes",
			 qemu->logging);
		findings.no_log = reason;
	}
	status = write_report(&findings, options);
	if (!status)
		status = conclude(&findings, options, wait);
out:
	lint_findings_free(&findings);
	lint_map_free(&map);
	lint_log_free(&log);
	if (report)
		munmap(report, sizeof(*report));
	if (fd >= 0)
		close(fd);
	free(plugin);
	return status;
}

int cli_lint(int argc, char **argv)
{
	static const struct option list[] = {
		{"help", no_argument, NULL, 'h'},         {"fail", no_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},         {"elf", required_argument, NULL, 'e'},
		{"output", required_argument, NULL, 'o'}, {0},
	};
	struct lint_code *code = lint_code_new();
	struct options options = {0};
	struct lint_qemu qemu;
	bool named = false;
	const char *why;
	int option, status = 0;

	if (!code)
		return cli_fail(CLI_INTERNAL, "lint", "%s", strerror(ENOMEM));
	opterr = 0;
	while (!status && (option = getopt_long(argc, argv, "+:", list, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			lint_code_free(code);
			return 0;
		case 'f':
			options.fail = true;
			break;
		case 'j':
			options.json = true;
			break;
		case 'o':
			options.output = optarg;
			break;
		case 'e':
			named = true;
			why = lint_code_add(code, optarg);
			if (why)
				status = cli_fail(CLI_USAGE, optarg, "%s", why);
			break;
		default:
			status = cli_fail(
				CLI_USAGE, argv[optind - 1],
				"not an option or its value is missing; \"salvage lint --help\" lists them");
		}
	}
	if (!status && optind == argc)
		status = cli_fail(CLI_USAGE, "lint",
				  "no command is given; write -- qemu-system-aarch64 and its arguments");
	if (!status)
		status = lint_qemu_read(&qemu, argc - optind, argv + optind);
	if (!status) {
		/* If it is no ELF file, names are to be had elsewhere. */
		if (!named && qemu.kernel)
			lint_code_add(code, qemu.kernel);
		status = lint(&qemu, code, &options);
	}
	lint_code_free(code);
	return status;
}
