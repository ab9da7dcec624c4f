/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --backend=lab: the same command line, run by an arm64 build of this command on the laboratory's KVM. The
 * files it names go in at the same paths, so that messages name what the user named; events come back in a
 * file.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "run.h"

#define INNER_COMMAND "arm64/salvage"
#define INNER_EVENTS  "/run/salvage-events"
#define INNER_JOURNAL "/run/salvage-journal"

/* What the laboratory's own kernel and programs need beside the guest's RAM; and its CPUs. */
#define LAB_MEMORY (UINT64_C(1) << 30)
#define LAB_CPUS   8

/* Added to --timeout, for the laboratory to boot and to end; the guest's own time is kept inside. */
#define LAB_SECONDS 240

/* Words of a command line. The first failure sticks. */
struct words {
	char **word;
	int count, room;
	bool failed;
};

static __attribute__((format(printf, 2, 3))) void add(struct words *words, const char *format, ...)
{
	va_list ap;
	char *word;
	int rc;

	/* One beyond for the NULL. */
	if (words->count + 1 >= words->room) {
		int room = words->room ? 2 * words->room : 32;
		char **grown = reallocarray(words->word, (size_t)room, sizeof(*grown));

		if (!grown) {
			words->failed = true;
			return;
		}
		words->word = grown;
		words->room = room;
	}
	va_start(ap, format);
	rc = vasprintf(&word, format, ap);
	va_end(ap);
	if (rc < 0) {
		words->failed = true;
		return;
	}
	words->word[words->count++] = word;
	words->word[words->count] = NULL;
}

static void free_words(struct words *words)
{
	for (int i = 0; i < words->count; i++)
		free(words->word[i]);
	free(words->word);
}

/*
 * What the VMM would refuse is refused here: the laboratory takes seconds to boot, and would take in a whole
 * directory.
 */
static int check(const char *path, uint64_t limit, uint64_t *total)
{
	struct vmm_error error;
	struct vmm_file file;

	if (!path)
		return 0;
	if (!vmm_file_read(path, limit, &file, &error))
		return cli_fail(error.status, "run", "%s", error.text);
	*total += file.size;
	free(file.bytes);
	return 0;
}

/* Only its tables are read. */
static int check_symbols(const char *path, uint64_t *total)
{
	struct vmm_symbols *symbols;
	struct vmm_error error;
	struct stat st;

	if (!path)
		return 0;
	symbols = vmm_symbols_open(path, &error);
	if (!symbols)
		return cli_fail(error.status, "run", "%s", error.text);
	vmm_symbols_free(symbols);
	*total += stat(path, &st) ? 0 : (uint64_t)st.st_size;
	return 0;
}

static void add_files(struct words *words, const struct run_options *options)
{
	const char *const files[] = {options->vmm.guest, options->vmm.initrd, options->vmm.dtb,
				     options->vmm.symbols};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i])
			add(words, "--file=%s", files[i]);
	for (size_t i = 0; i < options->policy_count; i++)
		if (options->policies[i][0] == '@')
			add(words, "--file=%s", options->policies[i] + 1);
}

static void add_run(struct words *words, const struct run_options *options)
{
	const struct vmm_config *vmm = &options->vmm;

	add(words, "run");
	add(words, "--backend=kvm");
	add(words, "--mem=%llu", (unsigned long long)vmm->memory);
	add(words, "--smp=%u", vmm->vcpus);
	if (vmm->timeout)
		add(words, "--timeout=%u", vmm->timeout);
	if (vmm->aarch32)
		add(words, "--aarch32");
	if (!vmm->salvage)
		add(words, "--no-salvage");
	if (vmm->verbose)
		add(words, "--verbose");
	if (vmm->no_mmio_events)
		add(words, "--no-mmio-events");
	if (vmm->initrd)
		add(words, "--initrd=%s", vmm->initrd);
	if (vmm->append)
		add(words, "--append=%s", vmm->append);
	if (vmm->dtb)
		add(words, "--dtb=%s", vmm->dtb);
	if (vmm->symbols)
		add(words, "--symbols=%s", vmm->symbols);
	for (size_t i = 0; i < options->policy_count; i++)
		add(words, "--policy=%s", options->policies[i]);
	for (size_t i = 0; i < vmm->sea_count; i++)
		add(words, "--sea=%s", vmm->sea[i].text);
	if (options->events)
		add(words, "--events=%s", strcmp(options->events, "-") ? INNER_EVENTS : "-");
	if (vmm->name || options->ledger || vmm->journal)
		add(words, "--vm=%s", run_vm_name(options));
	if (options->ledger || vmm->journal)
		add(words, "--journal=%s", INNER_JOURNAL);
	add(words, "--");
	add(words, "%s", vmm->guest);
}

/*
 * The journal comes back as a file of its own beside the ledger, and is taken over here: there is no SQLite
 * in there. NULL: no memory.
 */
static char *journal_beside(const struct run_options *options)
{
	char *path;

	return asprintf(&path, "%s.lab-%d.journal", options->ledger, getpid()) < 0 ? NULL : path;
}

static int run_with(const struct run_options *options, const char *journal)
{
	const struct vmm_config *vmm = &options->vmm;
	char *inner = cli_resource(INNER_COMMAND);
	struct words words = {0};
	uint64_t files = 0;
	int status = check(vmm->guest, vmm->memory, &files);

	if (!status)
		status = check(vmm->initrd, vmm->memory, &files);
	if (!status)
		status = check(vmm->dtb, VMM_DTB_MAX, &files);
	if (!status)
		status = check_symbols(vmm->symbols, &files);
	if (!status && !inner)
		status = cli_fail(CLI_UNAVAILABLE, "run",
				  "the arm64 build of this command (" INNER_COMMAND
				  ") is missing; make builds it");
	if (!status) {
		add(&words, "lab");
		/* The files are there three times: packed, unpacked, and in the guest's RAM. */
		add(&words, "--mem=%lluM", (unsigned long long)(vmm->memory + LAB_MEMORY + 2 * files) >> 20);
		add(&words, "--smp=%u", vmm->vcpus < LAB_CPUS ? vmm->vcpus : LAB_CPUS);
		if (vmm->timeout)
			add(&words, "--timeout=%u", vmm->timeout + LAB_SECONDS);
		if (options->qemu)
			add(&words, "--qemu=%s", options->qemu);
		if (vmm->sea_count)
			add(&words, "--sea");
		add_files(&words, options);
		if (options->events && strcmp(options->events, "-"))
			add(&words, "--output=" INNER_EVENTS ":%s", options->events);
		if (journal)
			add(&words, "--output=" INNER_JOURNAL ":%s", journal);
		add(&words, "--");
		add(&words, "%s", inner);
		add_run(&words, options);
		status = words.failed ? cli_fail(CLI_INTERNAL, "run", "no memory")
				      : cli_lab(words.count, words.word);
	}
	free_words(&words);
	free(inner);
	return status;
}

static pid_t child;

static void pass_on(int number)
{
	kill(child, number);
}

/*
 * The laboratory takes the place of the process that starts it; here somebody has to be left when it is over.
 * What is sent to end this process ends that one, which cleans up; of a terminal's signals it hears by
 * itself.
 */
static int run_below(const struct run_options *options, const char *journal)
{
	static const int ending[] = {SIGTERM, SIGHUP};
	struct sigaction forward = {.sa_handler = pass_on}, ignore = {.sa_handler = SIG_IGN};
	pid_t parent = getpid();
	sigset_t blocked, before;
	int status;

	/* Nothing is passed on before there is somebody to pass it to. */
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaddset(&blocked, ending[i]);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	child = fork();
	if (child < 0)
		status = cli_fail(CLI_INTERNAL, "run", "%s", strerror(errno));
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		sigprocmask(SIG_SETMASK, &before, NULL);
		_exit(getppid() == parent ? run_with(options, journal) : CLI_INTERNAL);
	}
	for (size_t i = 0; child > 0 && i < sizeof(ending) / sizeof(*ending); i++)
		sigaction(ending[i], &forward, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (child > 0) {
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	return status;
}

int run_in_lab(const struct run_options *options)
{
	struct run_ledger *ledger;
	char *journal;
	int status;

	if (!options->ledger)
		return run_with(options, options->vmm.journal);
	/* What is wrong with the ledger is said before seconds go into a run. */
	ledger = run_ledger_open(options->ledger, run_vm_name(options), &status);
	if (!ledger)
		return status;
	journal = journal_beside(options);
	status = journal ? run_below(options, journal) : cli_fail(CLI_INTERNAL, "run", "no memory");
	if (journal && !access(journal, F_OK))
		run_ledger_take(ledger, journal);
	free(journal);
	run_ledger_close(ledger);
	return status;
}
