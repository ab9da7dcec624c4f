/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows an exit from KVM_RUN. */
#include <errno.h>
#include <string.h>

#include "vm.h"

static bool is_event(const struct vmm_vcpu *vcpu, const struct vmm_device *device)
{
	return !device->quiet && !vcpu->vm->config->no_mmio_events;
}

/* A device access, however it came here. False: nothing took it. */
static bool device_access(struct vmm_vcpu *vcpu, uint64_t ipa, unsigned size, bool write, uint8_t *data)
{
	struct vmm_device *device = vmm_bus_access(&vcpu->vm->bus, ipa, size, write, data);

	if (device && is_event(vcpu, device))
		vmm_events_mmio(vcpu->vm->config->events, vcpu->index, device->place->name, ipa, size, write,
				data);
	return device;
}

/* An access that salvage asks for. */
static bool salvage_access(struct vmm_vcpu *vcpu, struct sv_access *access)
{
	struct vmm_device *device;

	if (access->region && access->region->kind == SV_REGION_KERNEL)
		return vmm_gic_access(vcpu, access);
	if (!access->op)
		return device_access(vcpu, access->ipa, access->size, access->write, access->data);
	device = vmm_bus_atomic(&vcpu->vm->bus, access);
	if (device && is_event(vcpu, device))
		vmm_events_atomic(vcpu->vm->config->events, vcpu->index, device->place->name, access);
	return device;
}

static void end_kernel(struct vmm_vcpu *vcpu, const char *what, const char *why)
{
	struct vmm_error error;

	vmm_fail(&error, VMM_KERNEL, "the kernel ended the VM: %s%s%s", what, *why ? ": " : "", why);
	vmm_end_error(vcpu->vm, &error, VMM_REASON_KERNEL);
}

/* One line for people for each new kind, into the error stream; all of it into the events. */
static void report(struct vmm_vcpu *vcpu)
{
	const struct vmm_config *config = vcpu->vm->config;
	struct sv_report report = vcpu->salvage.session.report;
	char text[1024];

	vmm_diagnose(&vcpu->diagnosis, vcpu->vm->symbols, &vcpu->vm->tree, &report);
	vmm_events_abort(config->events, vcpu->index, &report);
	if (!config->verbose && (report.ending == SV_ENDING_COMPLETED || report.ending == SV_ENDING_RETRIED ||
				 !vmm_notices_new(&vcpu->vm->notices, &report)))
		return;
	sv_report_text(&report, &vcpu->vm->space, text, sizeof(text));
	fprintf(stderr, "salvage: %s\n", text);
}

/* The VMM decides: what the rule says, or what would have happened without salvage. */
void vmm_stopped(struct vmm_vcpu *vcpu, const char *without)
{
	const struct sv_report *report = &vcpu->salvage.session.report;

	struct vmm_error error;

	if (report->ending == SV_ENDING_OBSERVED) {
		vmm_fail(&error, VMM_KERNEL, "without salvage the kernel would have ended the VM here: %s",
			 without);
		vmm_end_error(vcpu->vm, &error, VMM_REASON_KERNEL);
		return;
	}
	switch (report->reason) {
	case SV_REASON_REGISTER:
	case SV_REASON_NO_INJECTION:
		end_kernel(vcpu, sv_reason_text(report->reason), "");
		return;
	default:
		break;
	}
	if (report->action == SV_ACTION_DUMP)
		vmm_dump(vcpu, stderr);
	if (report->action == SV_ACTION_DUMP && report->has_va)
		vmm_dump_address(vcpu, report->va, stderr);
	if (report->action == SV_ACTION_RESTART)
		vmm_end(vcpu->vm, VMM_RESTART, VMM_REASON_RESTART);
	else
		vmm_end(vcpu->vm, VMM_STOPPED, VMM_REASON_STOP);
}

#define WITHOUT "KVM_RUN: Function not implemented" /* ENOSYS */

static void exit_salvage(struct vmm_vcpu *vcpu)
{
	struct sv_session *session = &vcpu->salvage.session;
	struct sv_access *access = &session->access;
	enum sv_verdict verdict;

	if (!vcpu->vm->config->salvage ||
	    !sv_kvm_begin(&vcpu->salvage, &vcpu->vm->space, &vcpu->vm->config->policy)) {
		end_kernel(vcpu, "an exit that nobody asked for", "");
		return;
	}
	while ((verdict = sv_session_next(session)) == SV_VERDICT_ACCESS)
		if (!salvage_access(vcpu, access)) {
			/* A rule may say to emulate a hole: it reads as zero. */
			if (!access->write || access->op)
				memset(access->data, 0, sizeof(access->data));
			if (access->region)
				sv_session_refuse(session);
		}
	report(vcpu);
	if (verdict == SV_VERDICT_STOP)
		vmm_stopped(vcpu, WITHOUT);
}

/* What KVM offers for an access that met nothing; where it offers nothing, reads give zero. */
static void inject_plainly(struct vmm_vcpu *vcpu)
{
	struct sv_kvm_vcpu_events events = {.exception.ext_dabt_pending = 1};

	memset(vcpu->run->mmio.data, 0, vcpu->run->mmio.is_write ? 0 : sizeof(vcpu->run->mmio.data));
	if (vcpu->vm->inject)
		vmm_ioctl(vcpu->vm->kernel, vcpu->fd, SV_KVM_SET_VCPU_EVENTS, &events);
}

static void exit_mmio(struct vmm_vcpu *vcpu)
{
	struct sv_kvm_run *run = vcpu->run;
	unsigned size = run->mmio.len <= sizeof(run->mmio.data) ? run->mmio.len : 0;

	if (device_access(vcpu, run->mmio.phys_addr, size, run->mmio.is_write, run->mmio.data))
		return;
	if (!vcpu->vm->config->salvage) {
		inject_plainly(vcpu);
		return;
	}
	enum sv_verdict verdict = sv_kvm_hole(&vcpu->salvage, &vcpu->vm->space, &vcpu->vm->config->policy);

	report(vcpu);
	/*
	 * Only observed: what happens without salvage. Else ignored, or a rule says to emulate what is not
	 * there: it reads as zero.
	 */
	if (vcpu->salvage.session.report.ending == SV_ENDING_OBSERVED)
		inject_plainly(vcpu);
	else if (!run->mmio.is_write)
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (verdict == SV_VERDICT_STOP)
		vmm_stopped(vcpu, WITHOUT);
}

static void exit_system_event(struct vmm_vcpu *vcpu)
{
	static const struct {
		uint32_t type;
		int status;
		const char *reason;
	} events[] = {
		{SV_KVM_SYSTEM_EVENT_SHUTDOWN, 0, VMM_REASON_OFF},
		{SV_KVM_SYSTEM_EVENT_RESET, VMM_RESET, VMM_REASON_RESET},
		{SV_KVM_SYSTEM_EVENT_CRASH, VMM_RESET, VMM_REASON_CRASH},
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (events[i].type == vcpu->run->system_event.type) {
			vmm_end(vcpu->vm, events[i].status, events[i].reason);
			return;
		}
	end_kernel(vcpu, "a system event this VMM does not know", "");
}

static void exit_interrupted(struct vmm_vcpu *vcpu)
{
}

static void exit_fail_entry(struct vmm_vcpu *vcpu)
{
	char why[64];

	snprintf(why, sizeof(why), "hardware_entry_failure_reason 0x%llx",
		 (unsigned long long)vcpu->run->fail_entry.hardware_entry_failure_reason);
	end_kernel(vcpu, "KVM_EXIT_FAIL_ENTRY", why);
}

static void exit_internal_error(struct vmm_vcpu *vcpu)
{
	char why[64];

	snprintf(why, sizeof(why), "suberror %u", vcpu->run->internal.suberror);
	end_kernel(vcpu, "KVM_EXIT_INTERNAL_ERROR", why);
}

/* The kernel leaves these to every VMM, asked or not. */
static void exit_ldst64b(struct vmm_vcpu *vcpu)
{
	if (vcpu->vm->config->salvage)
		exit_salvage(vcpu);
	else
		end_kernel(
			vcpu, "KVM_EXIT_ARM_LDST64B",
			"a load or store of 64 bytes, which KVM leaves to the VMM; try without --no-salvage");
}

static void (*const handlers[])(struct vmm_vcpu *vcpu) = {
	[SV_KVM_EXIT_MMIO] = exit_mmio,
	[SV_KVM_EXIT_FAIL_ENTRY] = exit_fail_entry,
	[SV_KVM_EXIT_INTR] = exit_interrupted,
	[SV_KVM_EXIT_INTERNAL_ERROR] = exit_internal_error,
	[SV_KVM_EXIT_SYSTEM_EVENT] = exit_system_event,
	[SV_KVM_EXIT_ARM_NISV] = exit_salvage,
	[SV_KVM_EXIT_ARM_LDST64B] = exit_ldst64b,
};

void vmm_exit_handle(struct vmm_vcpu *vcpu)
{
	uint32_t reason = vcpu->run->exit_reason;
	char what[64];

	if (reason < sizeof(handlers) / sizeof(*handlers) && handlers[reason]) {
		handlers[reason](vcpu);
		return;
	}
	snprintf(what, sizeof(what), "exit reason %u, which this VMM does not know", reason);
	end_kernel(vcpu, what, "");
}

/* What an error of KVM_RUN means for the guest, or NULL. */
static const char *meaning_of(const struct vmm_vcpu *vcpu, int number)
{
	static const struct {
		int number;
		const char *meaning;
	} meanings[] = {
		{EFAULT, "a fault that the kernel could not resolve"},
		{EHWPOISON, "guest memory that the host knows to be bad; try without --no-salvage"},
		{ENOMEM, "the host is out of memory"},
		{ENOEXEC, "the vcpu was not initialised, or needs a feature that it lacks"},
	};

	if (number == ENOSYS && !vcpu->vm->config->salvage)
		return "a load or store that the CPU does not describe; try without --no-salvage";
	if (number == ENOSYS && !(vcpu->vm->capabilities & SV_KVM_NISV))
		return "a load or store that the CPU does not describe, and this kernel has no "
		       "KVM_CAP_ARM_NISV_TO_USER";
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (meanings[i].number == number)
			return meanings[i].meaning;
	return NULL;
}

void vmm_exit_failed(struct vmm_vcpu *vcpu, int number)
{
	const char *meaning = meaning_of(vcpu, number);
	char why[256];

	snprintf(why, sizeof(why), "%s%s%s%s", strerror(number), meaning ? " (" : "", meaning ? meaning : "",
		 meaning ? ")" : "");
	end_kernel(vcpu, "KVM_RUN", why);
}
