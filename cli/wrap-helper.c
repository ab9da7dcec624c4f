/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helper beside a wrapped VMM: takes the shim's messages, writes events and memory errors, reads device
 * trees, tells people. It ends with the VMM's family: the processes that it forked, and did not replace.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <libfdt.h>
#include <salvage/kvm.h>

#include "../vmm/diagnosis.h"
#include "../vmm/events.h"
#include "../vmm/notices.h"
#include "../vmm/tree.h"
#include "cli.h"
#include "run.h"
#include "wrap-thaw.h"
#include "wrap.h"

#define VMS 16

/* How often what has changed is written to the ledger, and how long a VMM may take to load the preload. */
#define KEEP_MS   2000
#define ATTACH_MS 10000

struct vm {
	bool known;
	uint32_t number; /* the shim's; VMs that only ask what the host's CPU has come and go unnamed */
	char *name;
	struct vmm_events *events;
	struct sv_ras *ras;
	struct run_ledger *ledger;
	struct vmm_tree tree;
	struct vmm_diagnosis diagnosis;
	uint64_t kept_errors;
};

struct helper {
	const struct wrap_options *options;
	struct shim_channel *channel;
	int life;
	pid_t vmm;
	FILE *file; /* of events */
	struct vmm_notices notices;
	struct vm vms[VMS];
	unsigned vm_count;
	bool ended; /* the process with the VM said how */
	int status;
	atomic_bool over;
};

static void say(const char *what, const char *text)
{
	if (*text)
		fprintf(stderr, "salvage: %s%s\n", what, text);
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* 0, or an exit status after an error line. */
static int open_errors(struct helper *helper, struct vm *vm)
{
	struct sv_ras_config config = {.vm = vm->name, .policy = &helper->options->policy};
	struct sv_ras_opening opening;
	int status = 0;

	if (helper->options->ledger) {
		vm->ledger = run_ledger_open(helper->options->ledger, vm->name, &status);
		if (!vm->ledger)
			return status;
		config.journal = run_ledger_journal(vm->ledger);
	}
	switch (sv_ras_open(&config, &vm->ras, &opening)) {
	case SV_OK:
		say("memory errors: ", opening.text);
		return 0;
	case SV_MALFORMED:
		return cli_fail(CLI_USAGE, "wrap", "memory errors: %s", opening.text);
	case SV_BUSY:
		return cli_fail(CLI_UNAVAILABLE, "wrap",
				"memory errors: %s; --vm=NAME gives this one another name", opening.text);
	default:
		return cli_fail(CLI_UNAVAILABLE, "wrap", "memory errors: %s", opening.text);
	}
}

/* 0, or an exit status after an error line. */
static int add_vm(struct helper *helper)
{
	const char *name = helper->options->name;
	struct vm *vm = &helper->vms[helper->vm_count];
	char suffix[16] = "";
	int length;

	if (helper->vm_count)
		snprintf(suffix, sizeof(suffix), ".%u", helper->vm_count);
	length = name ? asprintf(&vm->name, "%s%s", name, suffix)
		      : asprintf(&vm->name, "%s-%d%s", base(helper->options->vmm[0]), helper->vmm, suffix);
	if (length < 0)
		return CLI_INTERNAL;
	/* The end of a long name, where what tells VMs apart stands. */
	if (length >= SV_RAS_NAME)
		memmove(vm->name, vm->name + length - (SV_RAS_NAME - 1), SV_RAS_NAME);
	vm->events = vmm_events_new(helper->file, vm->name, VMM_EVENTS_LIMIT);
	if (!vm->events)
		return CLI_INTERNAL;
	helper->vm_count++;
	return open_errors(helper, vm);
}

/* The VM that has something to tell; NULL: there are too many. The first is there from the beginning. */
static struct vm *vm_of(struct helper *helper, uint32_t number)
{
	unsigned i = 0;

	while (i < helper->vm_count && helper->vms[i].known && helper->vms[i].number != number)
		i++;
	/* One that has no ledger, which was said, has events. */
	if (i == VMS || (i == helper->vm_count && add_vm(helper) && i == helper->vm_count))
		return NULL;
	helper->vms[i].known = true;
	helper->vms[i].number = number;
	return &helper->vms[i];
}

static void abort_message(struct helper *helper, struct vm *vm, const struct shim_message *message)
{
	struct wrap_report thawed;
	char text[1024];

	wrap_thaw_report(&thawed, &message->report);
	vmm_diagnose(&vm->diagnosis, NULL, vm->tree.fdt ? &vm->tree : NULL, &thawed.report);
	vmm_events_abort(vm->events, (unsigned)message->vcpu, &thawed.report);
	if (!helper->options->verbose &&
	    (thawed.report.ending == SV_ENDING_RETRIED || !vmm_notices_new(&helper->notices, &thawed.report)))
		return;
	sv_report_text(&thawed.report, &thawed.space, text, sizeof(text));
	/* The path of a node is the guest's. */
	wrap_printable(text, sizeof(text));
	say("", text);
}

static void error_message(struct helper *helper, struct vm *vm, const struct shim_message *message)
{
	struct sv_ras_answer answer = message->answer, ours;
	struct wrap_report thawed;
	char text[1024];

	wrap_thaw_report(&thawed, &message->report);
	answer.rule = thawed.report.rule && thawed.report.rule->threshold ? thawed.report.rule : NULL;
	if (vm->ras && sv_ras_record(vm->ras, &message->error, &ours) == SV_OK) {
		sv_ras_message(&message->error, &ours, text, sizeof(text));
		say("", text);
	}
	vmm_events_memory_error(vm->events, message->vcpu, &thawed.report, &message->error, &answer);
	if (message->vcpu < 0 || !vmm_notices_new(&helper->notices, &thawed.report))
		return;
	sv_report_text(&thawed.report, &thawed.space, text, sizeof(text));
	/* The path of a node is the guest's. */
	wrap_printable(text, sizeof(text));
	say("", text);
}

/* What of a tree is wanted, in memory that the VMM cannot reach. */
struct windows {
	uint32_t count;
	struct shim_window windows[SHIM_WINDOWS];
};

static void add_window(void *opaque, const struct place_region *region)
{
	struct windows *to = opaque;
	struct shim_window *window;

	if (region->memory || region->disabled || to->count == SHIM_WINDOWS)
		return;
	window = &to->windows[to->count++];
	*window = (struct shim_window){.first = region->first,
				       .last = region->last,
				       .controller = region->controller};
	snprintf(window->name, sizeof(window->name), "%.*s", (int)sizeof(window->name) - 1, region->path);
	wrap_printable(window->name, sizeof(window->name));
}

/* The smallest first: where two overlap, the more telling name stays. */
static int by_size(const void *a, const void *b)
{
	const struct shim_window *left = a, *right = b;
	uint64_t l = left->last - left->first, r = right->last - right->first;

	return l < r ? -1 : l > r;
}

static void look_message(struct helper *helper, struct vm *vm)
{
	struct shim_channel *channel = helper->channel;
	uint32_t size = *(volatile uint32_t *)&channel->tree_size;
	void *fdt = size <= SHIM_TREE ? malloc(size) : NULL;
	struct windows found = {0};

	channel->tree_usable = false;
	channel->window_count = 0;
	if (!fdt)
		return;
	memcpy(fdt, channel->tree, size);
	if (vmm_tree_check(fdt, size)) {
		free(fdt);
		return;
	}
	free(vm->tree.fdt);
	vm->tree.fdt = fdt;
	vm->diagnosis.known = false;
	if (!vmm_tree_walk(&vm->tree, add_window, &found) || found.count == SHIM_WINDOWS)
		say("wrap: ",
		    "the guest's device tree has more than is looked at; the rest is a hole (--policy=nisv@RANGE="
		    "emulate names a device)");
	qsort(found.windows, found.count, sizeof(*found.windows), by_size);
	memcpy(channel->windows, found.windows, found.count * sizeof(*found.windows));
	channel->window_count = found.count;
	channel->tree_usable = true;
}

static void vm_message(const struct shim_message *message)
{
	if (!(message->number & SV_KVM_NISV))
		say("wrap: ",
		    "KVM_CAP_ARM_NISV_TO_USER cannot be turned on (Linux 5.5 has it): what the CPU does not "
		    "describe ends this VM as before");
}

static void keep(struct helper *helper)
{
	for (unsigned i = 0; i < helper->vm_count; i++) {
		struct vm *vm = &helper->vms[i];
		struct sv_ras_state state;

		if (!vm->ras)
			continue;
		sv_ras_state(vm->ras, &state);
		if (state.errors == vm->kept_errors && !state.unwritten)
			continue;
		vm->kept_errors = state.errors;
		if (sv_ras_flush(vm->ras) == SV_OK && vm->ledger)
			run_ledger_absorb(vm->ledger);
	}
}

/* Writes what is to be written at the end; more than once does no harm, and nothing is lost after it. */
static void finish(struct helper *helper, const char *reason)
{
	unsigned long long dropped = atomic_load(&helper->channel->dropped);

	keep(helper);
	for (unsigned i = 0; i < helper->vm_count; i++)
		if (!vmm_events_exit(helper->vms[i].events, helper->status, reason))
			cli_fail(0, "wrap", "--events=%s: some could not be written",
				 helper->options->events);
	if (dropped)
		fprintf(stderr,
			"salvage: wrap: %llu reports came faster than they could be written, and are lost\n",
			dropped);
}

static void let_go(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

static void end_message(struct helper *helper, const struct shim_message *message)
{
	pid_t owner = atomic_load(&helper->channel->vm_pid);

	/*
	 * A VMM that goes on in a child has left the standard streams to whoever started it, who waits for
	 * their end. Notices have nowhere to go then; events have.
	 */
	if ((pid_t)message->vm == helper->vmm && owner != helper->vmm)
		let_go();
	/* Others of the family that have no VM may end too. */
	if (helper->ended || (pid_t)message->vm != (owner ? owner : helper->vmm))
		return;
	helper->ended = true;
	helper->status = message->number;
	finish(helper, "exit");
}

/* What a VM has to tell. */
static void vm_tells(struct helper *helper, const struct shim_message *message)
{
	struct vm *vm = vm_of(helper, message->vm);

	if (!vm)
		return;
	if (message->kind == SHIM_ABORT)
		abort_message(helper, vm, message);
	else if (message->kind == SHIM_ERROR)
		error_message(helper, vm, message);
	else
		look_message(helper, vm);
}

static void take(struct helper *helper, const struct shim_message *message)
{
	switch ((enum shim_kind)message->kind) {
	case SHIM_VM:
		vm_message(message);
		break;
	case SHIM_NOTICE:
		say("wrap: ", message->text);
		break;
	case SHIM_END:
		end_message(helper, message);
		break;
	default:
		vm_tells(helper, message);
		break;
	}
}

static void wait_for(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	while (fd >= 0 && poll(&poll_fd, 1, -1) < 0 && errno == EINTR)
		;
}

/*
 * Waits for the pipe to end, which a VMM may have closed by mistake; so then for the processes themselves.
 */
static void *watch(void *opaque)
{
	struct helper *helper = opaque;
	int vmm = (int)syscall(SYS_pidfd_open, helper->vmm, 0), owner;
	pid_t pid;

	wait_for(helper->life);
	wait_for(vmm);
	pid = atomic_load(&helper->channel->vm_pid);
	owner = pid && pid != helper->vmm ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	wait_for(owner);
	atomic_store(&helper->over, true);
	shim_channel_ring(helper->channel);
	return NULL;
}

static void check_attached(const struct helper *helper, unsigned waited)
{
	if (waited == ATTACH_MS && !atomic_load(&helper->channel->attached))
		say("wrap: ",
		    "the VMM has not loaded the preload, and runs as without salvage; \"salvage doctor -- VMM\" says "
		    "why");
}

/* What is in the queue when the last process has ended is dealt with. */
static void serve(struct helper *helper)
{
	unsigned waited = 0;
	bool over = false;
	struct shim_message ours;

	for (;;) {
		const struct shim_message *message = shim_channel_next(helper->channel, over ? 0 : KEEP_MS);

		if (message) {
			wrap_thaw(&ours, message);
			take(helper, &ours);
			shim_channel_done(helper->channel);
			continue;
		}
		if (over)
			return;
		over = atomic_load(&helper->over);
		keep(helper);
		if (waited <= ATTACH_MS)
			check_attached(helper, waited += KEEP_MS);
	}
}

/* 0, or an exit status after an error line. */
static int open_helper(struct helper *helper)
{
	const char *events = helper->options->events;

	if (events) {
		helper->file = strcmp(events, "-") ? fopen(events, "we") : fdopen(dup(STDOUT_FILENO), "w");
		if (!helper->file)
			return cli_fail(CLI_USAGE, "wrap", "--events=%s: %s", events, strerror(errno));
	}
	return add_vm(helper);
}

void wrap_helper(const struct wrap_options *options, struct shim_channel *channel, int life, pid_t vmm,
		 int ready)
{
	struct helper helper = {
		.options = options, .channel = channel, .life = life, .vmm = vmm, .status = -1};
	unsigned char status;
	pthread_t watcher;

	vmm_notices_init(&helper.notices);
	status = (unsigned char)open_helper(&helper);
	if (!status && pthread_create(&watcher, NULL, watch, &helper))
		status = CLI_INTERNAL;
	if (write(ready, &status, 1) != 1 || status)
		return;
	close(ready);
	serve(&helper);
	pthread_join(watcher, NULL);
	if (!helper.ended)
		finish(&helper, "ended");
	for (unsigned i = 0; i < helper.vm_count; i++) {
		struct vm *vm = &helper.vms[i];

		sv_ras_close(vm->ras);
		run_ledger_close(vm->ledger);
		vmm_events_free(vm->events);
		free(vm->tree.fdt);
		free(vm->name);
	}
	if (helper.file)
		fclose(helper.file);
}
