//! The contract, kept by Docker, Podman and the engine in memory.

use devarch_core::engine::EngineKind;
use devarch_testkit::{contract, fixture::Fixture, memory::MemoryEngine, real, scope::Scope};
use std::sync::Arc;

async fn docker() -> Option<Fixture> {
    real::engine(EngineKind::Docker).await
}

async fn podman() -> Option<Fixture> {
    real::engine(EngineKind::Podman).await
}

async fn memory() -> Option<Fixture> {
    Some(Fixture::new(Arc::new(MemoryEngine::new()), Scope::new(None)))
}

macro_rules! kept {
    ($tests:ident by $engine:ident: $($module:ident: $($promise:ident)+;)+) => {
        mod $tests {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(fixture) = super::$engine().await {
                    super::contract::$module::$promise(&fixture).await;
                }
            })+)+
        }
    };
}

macro_rules! every_engine {
    ($tests:ident, $engine:ident) => {
        kept! { $tests by $engine:
            objects:
                a_container_is_listed_with_what_it_was_made_of
                a_container_tells_the_variables_it_was_made_with
                a_taken_container_name_is_told_as_such
                a_renamed_container_keeps_its_id_and_frees_its_name
                a_missing_image_is_told_as_such
                an_image_that_cannot_be_pulled_is_told_as_such
                a_missing_container_is_none_and_removing_it_is_fine
                a_volume_outlives_its_container_and_is_not_removed_under_it;
            networks:
                a_second_network_of_that_name_is_refused
                an_overlapping_network_is_told_as_such
                a_network_in_use_is_not_removed
                a_replacement_can_be_created_with_the_same_address_while_the_old_one_runs
                a_taken_address_is_told_as_such
                a_disconnected_container_comes_back_with_its_address
                what_is_not_attached_is_detached_without_complaint
                a_taken_port_is_told_as_such
                a_stopped_container_publishes_nothing;
            life:
                starting_and_stopping_twice_is_fine
                the_exit_code_survives
                an_end_without_error_is_exit_code_0
                a_command_that_cannot_run_is_told_as_such
                a_running_container_is_not_removed
                a_probe_tells_how_the_check_ended
                logs_hold_what_was_written;
            volumes:
                a_volume_is_not_emptied_without_reason;
            build:
                a_built_image_is_there_under_its_tag
                an_image_without_a_dockerfile_is_built_under_all_its_names
                a_build_that_fails_tells_the_step_and_its_output
                a_build_on_a_missing_image_is_told_as_such
                a_directory_without_a_dockerfile_is_told_as_such
                an_image_gets_another_name;
        }
    };
}

macro_rules! real_engine {
    ($tests:ident, $engine:ident) => {
        kept! { $tests by $engine:
            world:
                a_published_port_answers_on_the_host
                a_port_of_another_process_is_told_as_such
                names_and_aliases_resolve_within_a_network
                containers_of_two_networks_do_not_reach_each_other
                networks_stay_isolated_when_the_last_container_of_another_stops
                what_passed_by_and_was_left_behind_does_not_hold_its_network
                host_gateway_resolves;
            networks:
                a_successor_has_the_hardware_address_that_neighbours_know
                a_container_finds_its_gateway_as_others_come_and_go
                a_container_finds_both_its_gateways_as_others_come_and_go;
            volumes:
                a_copied_volume_is_equal_to_its_source
                a_copy_is_done_again_after_it_was_cut_off;
            build:
                an_image_is_built_as_asked
                a_secret_argument_is_in_no_error
                an_argument_reaches_every_stage_of_its_own_build_alone
                what_was_built_with_the_same_arguments_is_not_built_again
                a_build_that_is_given_up_ends;
            files:
                files_arrive_with_mode_and_owner
                directories_that_exist_stay_as_they_are
                what_is_in_a_volume_stays;
            streams:
                a_quiet_container_can_be_followed
                the_two_outputs_are_told_apart
                only_the_last_lines_are_read_when_asked
                exec_passes_stdin_and_exit_code
                exec_runs_as_asked
                a_terminal_has_the_size_it_was_given
                an_exec_of_a_missing_program_ends_with_an_error_code
                a_repeated_probe_ends_with_the_first_run_that_passes
                a_repeated_probe_that_never_passes_tells_how_its_last_run_ended
                a_repeated_probe_says_where_there_is_no_shell
                a_probe_that_takes_too_long_has_no_exit_code;
            exact:
                arguments_arrive_as_given
                variables_and_labels_arrive_as_given
                paths_arrive_as_given
                hosts_arrive_as_given
                health_checks_arrive_as_given
                an_empty_entrypoint_clears_that_of_the_image
                all_else_arrives_as_given;
            process:
                limits_reach_the_kernel
                the_process_is_what_the_spec_says
                an_init_is_process_1_when_asked
                mounts_are_where_the_spec_says
                the_grace_period_is_kept
                a_process_without_a_grace_period_is_asked_to_end_before_it_is_killed
                an_image_tells_what_it_declares
                health_is_judged_by_the_given_check
                a_probe_leaves_no_process_behind
                checks_that_nobody_runs_are_told
                a_disabled_check_is_none
                a_restart_policy_brings_a_failed_container_back;
        }
    };
}

every_engine!(on_docker, docker);
every_engine!(on_podman, podman);
every_engine!(in_memory, memory);
real_engine!(docker_outside, docker);
real_engine!(podman_outside, podman);
