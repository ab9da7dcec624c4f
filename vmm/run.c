/* SPDX-License-Identifier: BSD-2-Clause */
/* A run from start to end. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device-tree.h"
#include "vm.h"

static void set_end(struct vmm_vm *vm, int status, const char *reason, const struct vmm_error *error)
{
	pthread_mutex_lock(&vm->end_lock);
	if (!atomic_load(&vm->ended)) {
		vm->status = status;
		vm->reason = reason;
		if (error)
			vm->error = *error;
		atomic_store(&vm->ended, true);
	}
	pthread_mutex_unlock(&vm->end_lock);
	vmm_console_wake(vm);
}

void vmm_end(struct vmm_vm *vm, int status, const char *reason)
{
	set_end(vm, status, reason, NULL);
}

void vmm_end_error(struct vmm_vm *vm, const struct vmm_error *error, const char *reason)
{
	set_end(vm, error->status, reason, error);
}

static bool load_initrd(struct vmm_vm *vm, const struct vmm_memory *memory, struct vmm_error *error)
{
	const char *name = vm->config->initrd;
	struct vmm_file file;
	bool ok;

	if (!name)
		return true;
	if (!vmm_file_read(name, memory->size, &file, error))
		return false;
	ok = vmm_load_high(&file, name, 0x1000, memory, &vm->guest, &vm->guest.initrd, error);
	vm->guest.initrd_size = file.size;
	free(file.bytes);
	return ok;
}

static bool load_device_tree(struct vmm_vm *vm, const struct vmm_memory *memory, struct vmm_error *error)
{
	const struct vmm_config *config = vm->config;
	uint64_t mpidr[VMM_VCPUS_MAX];
	struct vmm_device_tree tree = {.memory = memory->size,
				       .mpidr = mpidr,
				       .vcpus = vm->vcpu_count,
				       .append = config->append,
				       .initrd = vm->guest.initrd,
				       .initrd_size = vm->guest.initrd_size};
	struct vmm_file blob = {0};
	bool ok;

	for (unsigned i = 0; i < vm->vcpu_count; i++)
		mpidr[i] = vm->vcpus[i].mpidr;
	if (config->dtb)
		ok = vmm_file_read(config->dtb, VMM_DTB_MAX, &blob, error) &&
		     vmm_device_tree_amend(&tree, config->dtb, &blob, error);
	else
		ok = vmm_device_tree_build(&tree, &blob, error);
	ok = ok && vmm_load_high(&blob, config->dtb ? config->dtb : "the device tree", 0x1000, memory,
				 &vm->guest, &vm->guest.dtb, error);
	/* Not read back from the guest's memory, where the guest may change it. */
	vm->tree.fdt = blob.bytes;
	return ok;
}

static bool load(struct vmm_vm *vm, const struct vmm_file *file, struct vmm_error *error)
{
	struct vmm_memory memory = {vm->ram, VMM_RAM_BASE, vm->config->memory};

	return vmm_load(file, vm->config->guest, vm->config->aarch32, &memory, &vm->guest, error) &&
	       load_initrd(vm, &memory, error) && load_device_tree(vm, &memory, error);
}

static bool load_symbols(struct vmm_vm *vm, const struct vmm_file *file, struct vmm_error *error)
{
	const char *path = vm->config->symbols;

	vm->symbols = path ? vmm_symbols_open(path, error) : vmm_symbols_of_guest(file);
	return vm->symbols || !path;
}

static bool create_vcpus(struct vmm_vm *vm, struct vmm_error *error)
{
	vm->vcpus = calloc(vm->config->vcpus, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return vmm_fail(error, VMM_INTERNAL, "no memory for %u vcpus", vm->config->vcpus);
	for (unsigned i = 0; i < vm->config->vcpus; i++) {
		vm->vcpu_count++;
		if (!vmm_vcpu_create(&vm->vcpus[i], vm, i, error))
			return false;
	}
	return true;
}

static bool start(struct vmm_vm *vm, const struct vmm_file *file, struct vmm_error *error)
{
	if (!vmm_memory_errors_open(vm, error) || !vmm_vm_create(vm, error) || !vmm_gic_create(vm, error) ||
	    !create_vcpus(vm, error) || !vmm_gic_init(vm, error) || !load(vm, file, error) ||
	    !vmm_vcpu_reset(&vm->vcpus[0], error) || !vmm_sea_arm(vm, error) ||
	    !vmm_memory_errors_start(vm, error))
		return false;
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (!vmm_vcpu_start(&vm->vcpus[i], error))
			return false;
	return true;
}

int vmm_run(const struct vmm_config *config, struct vmm_error *error)
{
	struct vmm_vm *vm = calloc(1, sizeof(*vm));
	struct vmm_file file = {0};
	int status;

	*error = (struct vmm_error){0};
	if (!vm) {
		vmm_fail(error, VMM_INTERNAL, "no memory");
		return error->status;
	}
	vm->config = config;
	vm->kernel = config->kernel;
	vm->kvm_fd = vm->vm_fd = vm->gic_fd = -1;
	pthread_mutex_init(&vm->end_lock, NULL);
	vmm_notices_init(&vm->notices);
	vmm_pause_init(vm);
	if (vmm_console_open(&vm->console, config->input, config->output, error) &&
	    vmm_file_read(config->guest, config->memory, &file, error) && load_symbols(vm, &file, error) &&
	    start(vm, &file, error))
		vmm_console_loop(vm);
	else
		vmm_end_error(vm, error, VMM_REASON_INTERNAL);
	free(file.bytes);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vmm_vcpu_stop(&vm->vcpus[i]);
	vmm_memory_errors_close(vm);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vmm_vcpu_destroy(&vm->vcpus[i]);
	vmm_vm_destroy(vm);
	vmm_console_close(&vm->console);
	if (vm->notices.untold)
		fprintf(stderr,
			"salvage: %" PRIu64
			" more aborts, of other kinds than the first %u, were not told of here; "
			"--events=FILE has them\n",
			vm->notices.untold, VMM_NOTICES);

	*error = vm->error;
	status = vm->status;
	if (!vmm_events_exit(config->events, status, vm->reason) && !*error->text)
		vmm_fail(error, VMM_INTERNAL, "--events: writing failed; the file is incomplete");
	if (!strcmp(vm->reason, VMM_REASON_GUEST) && status > VMM_GUEST_MAX)
		status = VMM_GUEST_MAX;
	vmm_symbols_free(vm->symbols);
	free(vm->tree.fdt);
	free(vm->vcpus);
	free(vm);
	return status;
}
