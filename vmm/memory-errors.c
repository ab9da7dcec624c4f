/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMM does about bad memory: records it before the guest runs again, says so, and ends the run where
 * a rule says so. A thread that is no vCPU's keeps the journal, hears early warnings, and feeds the ledger.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "vm.h"

/* How often the keeper looks for warnings, and how many looks later it writes what has changed. */
#define LOOK_NS    250000000
#define LOOKS_KEEP 8

static void say(const char *what, const char *text)
{
	if (*text)
		fprintf(stderr, "salvage: %s%s\n", what, text);
}

static void record(struct vmm_vm *vm, const struct sv_memory_error *error, struct sv_ras_answer *answer)
{
	char text[512];

	if (sv_ras_record(vm->ras, error, answer) != SV_OK)
		*answer = (struct sv_ras_answer){.sighting = SV_RAS_REPEAT};
	sv_ras_message(error, answer, text, sizeof(text));
	say("", text);
}

static void tell(struct vmm_vcpu *vcpu, enum sv_verdict verdict)
{
	char text[512];

	if (verdict != SV_VERDICT_STOP && !vcpu->vm->config->verbose)
		return;
	sv_report_text(&vcpu->salvage.session.report, &vcpu->vm->space, text, sizeof(text));
	say("", text);
}

static void handle(struct vmm_vcpu *vcpu, struct sv_kvm_error *error)
{
	const struct vmm_config *config = vcpu->vm->config;
	struct sv_ras_answer answer;
	enum sv_verdict verdict;

	record(vcpu->vm, &error->record, &answer);
	verdict = sv_kvm_answer(&vcpu->salvage, &config->policy, error, &answer);
	vmm_events_memory_error(config->events, (int)vcpu->index, &vcpu->salvage.session.report,
				&error->record, &answer);
	tell(vcpu, verdict);
	/* Where the laboratory makes them. */
	if (error->record.source == SV_RAS_SEA_DATA || error->record.source == SV_RAS_SEA_INSN)
		vmm_sea_again(vcpu->vm);
	if (verdict == SV_VERDICT_STOP)
		vmm_stopped(vcpu, error->failed ? "KVM_RUN: Memory page has hardware error" : "SIGBUS");
}

bool vmm_memory_errors(struct vmm_vcpu *vcpu, int rc)
{
	struct sv_kvm_error error;
	bool dealt = false;

	if (!vcpu->vm->ras)
		return false;
	while (sv_kvm_error(&vcpu->salvage, rc, &vcpu->vm->space, &error)) {
		dealt = dealt || error.failed || error.record.source == SV_RAS_SEA_DATA ||
			error.record.source == SV_RAS_SEA_INSN;
		handle(vcpu, &error);
	}
	return dealt;
}

/* Nobody has touched the page yet. A guest that does meets it by itself. */
static void warned(struct vmm_vm *vm, const struct sv_memory_error *error)
{
	struct sv_report report = {.cause = SV_CAUSE_POISON, .ending = SV_ENDING_RETRIED};
	struct sv_ras_answer answer;

	record(vm, error, &answer);
	report.rule = sv_kvm_error_rule(&vm->config->policy, error, &answer);
	switch (report.rule->action) {
	case SV_ACTION_STOP:
	case SV_ACTION_DUMP:
		report.ending = SV_ENDING_STOPPED;
		vmm_end(vm, VMM_STOPPED, VMM_REASON_STOP);
		break;
	case SV_ACTION_RESTART:
		report.ending = SV_ENDING_STOPPED;
		vmm_end(vm, VMM_RESTART, VMM_REASON_RESTART);
		break;
	default:
		break;
	}
	vmm_events_memory_error(vm->config->events, -1, &report, error, &answer);
}

static void look(struct vmm_vm *vm)
{
	struct sv_memory_error error;

	while (sv_kvm_warning(&vm->space, &error))
		warned(vm, &error);
	while (sv_kvm_warning(NULL, &error))
		fprintf(stderr,
			"salvage: the host says that this process's own memory at 0x%" PRIx64 " is bad\n",
			error.hva);
}

/* What a crash may lose is what came since the last time. */
static void keep(struct vmm_vm *vm)
{
	struct sv_ras_state state;

	sv_ras_state(vm->ras, &state);
	if (state.errors == vm->kept_errors && !state.unwritten)
		return;
	vm->kept_errors = state.errors;
	if (sv_ras_flush(vm->ras) == SV_OK && vm->config->absorb)
		vm->config->absorb(vm->config->absorb_opaque);
}

static void *keeper(void *opaque)
{
	struct vmm_vm *vm = opaque;
	struct timespec until;
	unsigned looks = 0;

	pthread_mutex_lock(&vm->end_lock);
	while (!vm->keeper_ends) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&vm->keeper_wake, &vm->end_lock, &until);
		pthread_mutex_unlock(&vm->end_lock);
		look(vm);
		if (++looks % LOOKS_KEEP == 0)
			keep(vm);
		pthread_mutex_lock(&vm->end_lock);
	}
	pthread_mutex_unlock(&vm->end_lock);
	return NULL;
}

bool vmm_memory_errors_open(struct vmm_vm *vm, struct vmm_error *error)
{
	struct sv_ras_config config = {
		.vm = vm->config->name ? vm->config->name : "guest",
		.journal = vm->config->journal,
		.policy = &vm->config->policy,
	};
	struct sv_ras_opening opening;
	enum sv_status status;

	if (!vm->config->salvage)
		return true;
	if (sv_kvm_watch() != SV_OK)
		return vmm_fail(error, VMM_INTERNAL, "SIGBUS cannot be handled");
	vm->poison = sv_poison_new(SV_RAS_PAGES_DEFAULT);
	if (!vm->poison)
		return vmm_fail(error, VMM_INTERNAL, "no memory for the poison map");
	config.poison = vm->poison;
	status = sv_ras_open(&config, &vm->ras, &opening);
	if (status != SV_OK)
		return vmm_fail(error, status == SV_MALFORMED ? VMM_USAGE : VMM_UNAVAILABLE,
				"memory errors: %s%s", opening.text,
				status == SV_BUSY ? "; --vm=NAME gives this run another name" : "");
	say("memory errors: ", opening.text);
	/* Warnings come only if they are asked for. A kernel without CONFIG_MEMORY_FAILURE has none. */
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	return true;
}

bool vmm_memory_errors_start(struct vmm_vm *vm, struct vmm_error *error)
{
	int rc;

	if (!vm->ras)
		return true;
	if (vm->config->journal && !(vm->capabilities & SV_KVM_SEA))
		say("memory errors: ",
		    "this kernel has no KVM_CAP_ARM_SEA_TO_USER (Linux 6.19), so that the guest gets an SError for "
		    "what no firmware claims, and only what the host signals is recorded");
	pthread_cond_init(&vm->keeper_wake, NULL);
	rc = pthread_create(&vm->keeper, NULL, keeper, vm);
	if (rc)
		return vmm_fail(error, VMM_INTERNAL, "a thread for memory errors: %s", strerror(rc));
	vm->keeping = true;
	return true;
}

void vmm_memory_errors_close(struct vmm_vm *vm)
{
	if (vm->keeping) {
		pthread_mutex_lock(&vm->end_lock);
		vm->keeper_ends = true;
		pthread_cond_signal(&vm->keeper_wake);
		pthread_mutex_unlock(&vm->end_lock);
		pthread_join(vm->keeper, NULL);
	}
	if (vm->ras)
		look(vm);
	sv_ras_close(vm->ras);
	sv_poison_free(vm->poison);
	/* All counts are in the journal now. */
	if (vm->ras && vm->config->absorb)
		vm->config->absorb(vm->config->absorb_opaque);
}
