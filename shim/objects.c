/* SPDX-License-Identifier: BSD-2-Clause */
/* What the process's file descriptors are to KVM: VMs, their vCPUs, their devices, however often duplicated. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

static struct shim_object objects[SHIM_FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shim_vm *vms;
static unsigned made;
static pid_t owner; /* of the VMs */

/*
 * A child of vfork(2), which closes descriptors of its own before it becomes another program, has our memory: to it
 * there are no VMs.
 */
static bool is_empty(void)
{
	return !vms || getpid() != owner;
}

bool shim_object(int fd, struct shim_object *object)
{
	if (fd < 0 || fd >= SHIM_FDS)
		return false;
	/* A VMM that closes a descriptor while it makes a request on it cannot expect an answer. */
	*object = objects[fd];
	return object->kind != SHIM_NOTHING;
}

struct shim_vcpu *shim_vcpu_of(int fd)
{
	return fd >= 0 && fd < SHIM_FDS ? objects[fd].vcpu : NULL;
}

static void hold(int fd, const struct shim_object *object)
{
	objects[fd] = *object;
	object->vm->references++;
}

static void free_vm(struct shim_vm *vm)
{
	struct shim_vcpu *vcpu;

	for (struct shim_vm **at = &vms; *at; at = &(*at)->next)
		if (*at == vm) {
			*at = vm->next;
			break;
		}
	while ((vcpu = vm->vcpus)) {
		vm->vcpus = vcpu->next;
		free(vcpu);
	}
	for (size_t i = 0; i < vm->doorbell_count; i++)
		if (vm->doorbells[i].ours && shim_doorbell_unused(vm, vm->doorbells[i].fd, i + 1))
			shim_system.close(vm->doorbells[i].fd);
	sv_ras_close(vm->ras);
	sv_poison_free(vm->poison);
	shim_space_free(vm);
	pthread_mutex_destroy(&vm->lock);
	pthread_mutex_destroy(&vm->dirty_lock);
	free(vm);
}

/* A thread may be in KVM_RUN by a descriptor that another has closed: the kernel keeps the VM until it returns. */
static bool is_running(const struct shim_vm *vm)
{
	for (const struct shim_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		if (atomic_load_explicit(&vcpu->running, memory_order_acquire))
			return true;
	return false;
}

static void free_unused(void)
{
	struct shim_vm *next;

	for (struct shim_vm *vm = vms; vm; vm = next) {
		next = vm->next;
		if (!vm->references && !is_running(vm))
			free_vm(vm);
	}
}

struct shim_vm *shim_vm_new(int fd)
{
	struct shim_vm *vm = fd < SHIM_FDS ? calloc(1, sizeof(*vm)) : NULL;

	if (!vm)
		return NULL;
	pthread_mutex_init(&vm->lock, NULL);
	pthread_mutex_init(&vm->dirty_lock, NULL);
	vm->fd = fd;
	vm->gic_fd = -1;
	if (!shim_space_room(vm, 2)) {
		shim_space_free(vm);
		free(vm);
		return NULL;
	}
	pthread_mutex_lock(&lock);
	free_unused();
	owner = getpid();
	vm->number = made++;
	vm->next = vms;
	vms = vm;
	hold(fd, &(struct shim_object){.kind = SHIM_OBJECT_VM, .vm = vm});
	pthread_mutex_unlock(&lock);
	return vm;
}

struct shim_vcpu *shim_vcpu_new(struct shim_vm *vm, int fd, uint32_t index)
{
	struct shim_vcpu *vcpu = fd < SHIM_FDS ? calloc(1, sizeof(*vcpu)) : NULL;

	if (!vcpu)
		return NULL;
	pthread_mutex_lock(&vm->lock);
	if (!shim_space_room(vm, 1)) {
		pthread_mutex_unlock(&vm->lock);
		free(vcpu);
		return NULL;
	}
	vcpu->vm = vm;
	vcpu->fd = fd;
	vcpu->index = index;
	vcpu->next = vm->vcpus;
	vm->vcpus = vcpu;
	vm->vcpu_count++;
	pthread_mutex_unlock(&vm->lock);
	pthread_mutex_lock(&lock);
	hold(fd, &(struct shim_object){.kind = SHIM_OBJECT_VCPU, .vm = vm, .vcpu = vcpu});
	pthread_mutex_unlock(&lock);
	return vcpu;
}

void shim_device_new(struct shim_vm *vm, int fd)
{
	if (fd < 0 || fd >= SHIM_FDS)
		return;
	pthread_mutex_lock(&lock);
	hold(fd, &(struct shim_object){.kind = SHIM_OBJECT_DEVICE, .vm = vm});
	pthread_mutex_unlock(&lock);
}

void shim_object_close(int fd)
{
	struct shim_vm *vm;

	if (fd < 0 || fd >= SHIM_FDS || !objects[fd].kind || is_empty())
		return;
	pthread_mutex_lock(&lock);
	vm = objects[fd].vm;
	memset(&objects[fd], 0, sizeof(objects[fd]));
	if (vm && !--vm->references)
		free_unused();
	pthread_mutex_unlock(&lock);
}

void shim_object_alias(int from, int to)
{
	if (from < 0 || from >= SHIM_FDS || to < 0 || to >= SHIM_FDS || from == to)
		return;
	shim_object_close(to);
	if (!objects[from].kind || is_empty())
		return;
	pthread_mutex_lock(&lock);
	if (objects[from].kind)
		hold(to, &objects[from]);
	pthread_mutex_unlock(&lock);
}

void shim_objects_forget(void)
{
	/* The parent's threads are gone, and with them whoever held the lock. What they had is leaked. */
	pthread_mutex_init(&lock, NULL);
	memset(objects, 0, sizeof(objects));
	vms = NULL;
}

bool shim_objects_keep(int fd)
{
	bool kept = false;

	/* VMs are rare and closes are many: without one there is nothing to lock for. */
	if (is_empty())
		return false;
	pthread_mutex_lock(&lock);
	for (struct shim_vm *vm = vms; vm; vm = vm->next) {
		pthread_mutex_lock(&vm->lock);
		for (size_t i = 0; i < vm->doorbell_count; i++)
			if (vm->doorbells[i].fd == fd) {
				/* A second close is the VMM's mistake, and gets what it asks for. */
				kept = kept || !vm->doorbells[i].ours;
				vm->doorbells[i].ours = true;
			}
		pthread_mutex_unlock(&vm->lock);
	}
	pthread_mutex_unlock(&lock);
	return kept;
}

/* first to last, of which all is closed. */
static void lose(int first, int last)
{
	if (is_empty())
		return;
	pthread_mutex_lock(&lock);
	for (struct shim_vm *vm = vms; vm; vm = vm->next) {
		bool lost = false;

		pthread_mutex_lock(&vm->lock);
		for (size_t i = 0; i < vm->doorbell_count; i++)
			if (vm->doorbells[i].fd >= first && vm->doorbells[i].fd <= last) {
				vm->doorbells[i].fd = -1;
				vm->doorbells[i].ours = false;
				lost = true;
			}
		if (lost)
			shim_space_publish(vm, NULL);
		pthread_mutex_unlock(&vm->lock);
	}
	pthread_mutex_unlock(&lock);
}

void shim_objects_lose(int fd)
{
	/* Lost doorbells are -1. */
	if (fd >= 0)
		lose(fd, fd);
}

void shim_objects_close_range(unsigned first, unsigned last)
{
	if (first > last || first > INT_MAX)
		return;
	lose((int)first, last > INT_MAX ? INT_MAX : (int)last);
	for (unsigned fd = first; fd <= last && fd < SHIM_FDS; fd++)
		shim_object_close((int)fd);
}
