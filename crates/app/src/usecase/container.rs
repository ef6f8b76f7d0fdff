//! Access to running containers: output, commands, shells.

use crate::{
    Context, OperationError,
    context::{connect_engine, find_stack},
    error::WrongState,
    planning::{redaction::output_mask, wiring::stack_ownership},
    usecase::status::current,
};
use devarch_core::{
    environment::Clock,
    id::ContainerId,
    name::{InstanceName, StackName},
    observed::RunState,
    secret::Mask,
    stack::Stack,
};
use devarch_engine::{Engine, ExecIo, ExecRequest, LogOptions};
use futures_util::{Stream, StreamExt as _, stream::select_all};
use std::{pin::Pin, sync::Arc};

/// Which output to read.
#[derive(Debug, Clone, Default)]
pub struct LogRequest {
    /// One instance, or `None` for all of the stack.
    pub instance: Option<InstanceName>,
    /// Options for the engine.
    pub options: LogOptions,
    /// Show the stack's secrets in the output.
    pub unredacted: bool,
}

/// A line of an instance's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The instance.
    pub instance: InstanceName,
    /// Whether it was written to stderr.
    pub stderr: bool,
    /// The line without its end; bytes, because not all output is UTF-8.
    pub bytes: Vec<u8>,
}

/// A running container to run commands in.
pub struct Shell {
    /// Its engine.
    pub engine: Arc<dyn Engine>,
    /// The container.
    pub container: ContainerId,
    /// The stack's secrets, redacted in the output.
    pub mask: Mask,
    clock: Arc<dyn Clock>,
}

type Lines = Pin<Box<dyn Stream<Item = Result<LogLine, OperationError>> + Send>>;

/// The maximum length of a line; longer ones are split, so that memory use is bounded regardless of the output.
const LONGEST_LINE: usize = 256 << 10;

/// Streams the output of a stack's instances, line by line.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn open_logs(
    ctx: &Context,
    name: &StackName,
    request: &LogRequest,
) -> Result<Lines, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let mask = output_hidden(ctx, &stack, request.unredacted).await?;
    let (engine, containers) = existing_container(ctx, &stack, request.instance.as_ref()).await?;
    let mut streams = Vec::new();
    for (instance, container, _) in containers {
        let stream = engine.logs(&container, &request.options).await?;
        streams.push(lines(instance, stream));
    }
    let masked = move |line: Result<LogLine, OperationError>| {
        line.map(|line| LogLine { bytes: mask.bytes(&line.bytes).into_owned(), ..line })
    };
    Ok(Box::pin(select_all(streams).map(masked)))
}

async fn output_hidden(ctx: &Context, stack: &Stack, unredacted: bool) -> Result<Mask, OperationError> {
    if unredacted { Ok(Mask::default()) } else { output_mask(ctx, stack).await }
}

/// Finds the running container of an instance; secrets in its output are redacted unless requested.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn find_shell(
    ctx: &Context,
    name: &StackName,
    instance: &InstanceName,
    unredacted: bool,
) -> Result<Shell, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let mask = output_hidden(ctx, &stack, unredacted).await?;
    let (engine, containers) = existing_container(ctx, &stack, Some(instance)).await?;
    match containers.into_iter().next() {
        Some((_, container, RunState::Running)) => {
            Ok(Shell { engine, container, mask, clock: Arc::clone(&ctx.clock) })
        }
        Some((_, _, RunState::Stuck)) => {
            Err(WrongState::Stuck { stack: stack.name, instance: instance.clone() }.into())
        }
        _ => Err(WrongState::NotRunning { stack: stack.name, instance: instance.clone() }.into()),
    }
}

async fn existing_container(
    ctx: &Context,
    stack: &Stack,
    only: Option<&InstanceName>,
) -> Result<(Arc<dyn Engine>, Vec<(InstanceName, ContainerId, RunState)>), OperationError> {
    if let Some(only) = only {
        crate::context::instance(stack, only)?;
    }
    let engine = connect_engine(ctx, Some(stack)).await?;
    let ownership = stack_ownership(ctx, stack.engine.as_ref().map(|binding| &binding.id)).await?;
    let containers = engine.containers().await?;
    let found: Vec<(InstanceName, ContainerId, RunState)> = stack
        .instances
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .filter_map(|(name, instance)| {
            let container = current(&containers, &ownership, stack, name, instance)?;
            Some((name.clone(), container.id.clone(), container.state))
        })
        .collect();
    if found.is_empty() {
        return Err(WrongState::NoContainer { stack: stack.name.clone(), instance: only.cloned() }.into());
    }
    Ok((engine, found))
}

impl Shell {
    /// Starts a command with its streams attached.
    pub async fn exec(&self, request: &ExecRequest) -> Result<ExecIo, OperationError> {
        Ok(self.engine.exec(&self.container, request).await?)
    }

    /// Returns the exit code, once the output has ended.
    pub async fn exit_code(&self, exec: &str) -> Result<i64, OperationError> {
        loop {
            if let Some(code) = self.engine.exec_exit_code(exec).await? {
                return Ok(code);
            }
            self.clock.sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// Splits chunks into lines, separately for stdout and stderr.
fn lines(instance: InstanceName, stream: devarch_engine::LogStream) -> Lines {
    let state = (stream, Vec::<LogLine>::new(), Partial::default(), false);
    Box::pin(futures_util::stream::unfold(state, move |(mut stream, mut ready, mut partial, mut over)| {
        let instance = instance.clone();
        async move {
            loop {
                if let Some(line) = ready.pop() {
                    return Some((Ok(line), (stream, ready, partial, over)));
                }
                if over {
                    return None;
                }
                match stream.next().await {
                    Some(Ok(chunk)) => ready = partial.push(&instance, chunk.stderr, &chunk.bytes),
                    Some(Err(error)) => {
                        over = true;
                        return Some((Err(error.into()), (stream, ready, partial, over)));
                    }
                    None => {
                        over = true;
                        ready = partial.rest(&instance);
                    }
                }
            }
        }
    }))
}

/// Incomplete lines of both streams.
#[derive(Default)]
struct Partial([Vec<u8>; 2]);

impl Partial {
    /// Returns the lines that are complete now, last first.
    fn push(&mut self, instance: &InstanceName, stderr: bool, bytes: &[u8]) -> Vec<LogLine> {
        let pending = &mut self.0[usize::from(stderr)];
        let line = |bytes: Vec<u8>| LogLine { instance: instance.clone(), stderr, bytes };
        let mut complete = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            pending.extend(piece);
            if pending.ends_with(b"\n") {
                pending.pop();
                if pending.ends_with(b"\r") {
                    pending.pop();
                }
                complete.push(line(std::mem::take(pending)));
            } else if pending.len() > LONGEST_LINE {
                complete.push(line(std::mem::take(pending)));
            }
        }
        complete.reverse();
        complete
    }

    fn rest(&mut self, instance: &InstanceName) -> Vec<LogLine> {
        let rest = self.0.iter_mut().zip([false, true]);
        rest.filter(|(pending, _)| !pending.is_empty())
            .map(|(pending, stderr)| LogLine {
                instance: instance.clone(),
                stderr,
                bytes: std::mem::take(pending),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lengths of the lines that chunks of stdout yield, in order, and what remains at the end.
    fn lines_of(chunks: &[&[u8]]) -> (Vec<usize>, Vec<usize>) {
        let (name, mut partial) = ("web".parse().unwrap(), Partial::default());
        let mut complete = Vec::new();
        for chunk in chunks {
            let lines = partial.push(&name, false, chunk);
            complete.extend(lines.into_iter().rev().map(|line| line.bytes.len()));
        }
        (complete, partial.rest(&name).into_iter().map(|line| line.bytes.len()).collect())
    }

    #[test]
    fn a_line_may_span_several_chunks() {
        assert_eq!(lines_of(&[b"he", b"llo\nwor", b"ld"]), (vec![5], vec![5]));
        assert_eq!(lines_of(&[b"hello\r", b"\n"]), (vec![5], vec![]));
    }

    #[test]
    fn a_line_without_an_end_is_split_before_it_exhausts_memory() {
        let chunk = vec![b'x'; LONGEST_LINE / 2 + 1];
        let (complete, rest) = lines_of(&[&chunk, &chunk, &chunk]);
        assert_eq!((complete, rest), (vec![2 * chunk.len()], vec![chunk.len()]));
    }

    #[test]
    fn output_to_stderr_does_not_split_lines_of_stdout() {
        let (name, mut partial) = ("web".parse().unwrap(), Partial::default());
        assert!(partial.push(&name, false, b"half ").is_empty());
        let told = partial.push(&name, true, b"error\n");
        assert!(told[0].stderr && told[0].bytes == b"error");
        assert_eq!(partial.push(&name, false, b"a line\n")[0].bytes, b"half a line");
    }
}
