//! A run's folder that is shared, foreign, or came from a stranger.

use super::{ALL, OPTIONS, finished, model, new, path, rows, train};
use evidence_autodiff::Noise;
use evidence_layers::Activation;
use evidence_models::DenseNetwork;
use evidence_optim::Sgd;
use evidence_train::data::{Schema, SchemaOptions, read};
use evidence_train::run::{
    CHECKPOINTS, CONFIG, DATA, End, METRICS, MODEL, Run, RunError, STATE, Tensors,
};
use evidence_train::{Stop, Trainer};
use std::fs;
use std::sync::atomic::AtomicBool;

/// The schema of a small table.
fn schema() -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    let rows = (0..30).map(|i| format!("{i},{}\n", i * i)).collect::<String>();
    fs::write(&file, format!("x,y\n{rows}")).unwrap();
    let options = SchemaOptions { targets: vec!["y".into()], ..SchemaOptions::default() };
    Schema::fit(&read(&file, &Default::default()).unwrap(), &options).unwrap().schema.to_json()
}

#[test]
fn what_is_in_a_folder_already_stays_as_it_is() {
    for name in [DATA, METRICS, CHECKPOINTS, CONFIG, STATE, MODEL] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), "mine").unwrap();
        let error = Run::create(folder.path(), "", &schema()).unwrap_err();
        assert!(matches!(error, RunError::Foreign { .. } | RunError::Exists { .. }), "{name}");
        assert!(error.to_string().contains("choose another folder"), "{error}");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{name}");
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "mine");
    }
    // A file in the folder's place.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let error = Run::create(&file, "", &schema()).unwrap_err();
    assert!(matches!(error, RunError::Foreign { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    // A folder for other things, and one that a training left that was killed before it had a configuration.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    fs::write(folder.path().join(METRICS), "").unwrap();
    fs::write(folder.path().join(DATA), schema()).unwrap();
    Run::create(folder.path(), "", &schema()).unwrap();
}

#[test]
fn of_several_beginnings_at_once_one_goes_on() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("run");
        let data = schema();
        let begun: Vec<Result<Run, RunError>> = std::thread::scope(|scope| {
            let begin = |i: usize| {
                let (folder, data) = (&folder, &data);
                scope.spawn(move || Run::create(folder, &i.to_string(), data))
            };
            let threads: Vec<_> = (0..4).map(begin).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<usize> = (0..4).filter(|&i| begun[i].is_ok()).collect();
        assert_eq!(won.len(), 1, "{begun:?}");
        assert_eq!(fs::read_to_string(folder.join(CONFIG)).unwrap(), won[0].to_string());
        for error in begun.into_iter().filter_map(Result::err) {
            assert!(matches!(error, RunError::Exists { .. } | RunError::Busy { .. }), "{error}");
        }
    }
}

/// Links out of the folder are not written through, and what they lead to is not taken for a run's.
#[cfg(unix)]
#[test]
fn a_run_of_a_stranger_changes_nothing_outside_of_it() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim.txt");
    fs::write(&victim, "mine").unwrap();
    fs::write(outside.path().join("step-000000001.safetensors"), "mine").unwrap();
    fs::write(outside.path().join("step-000000002.safetensors"), "mine").unwrap();
    let before = || {
        let names = fs::read_dir(outside.path()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.into_iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let expected = before();

    let (_folder, run) = new();
    fs::remove_file(path(&run, METRICS)).unwrap();
    symlink(&victim, path(&run, METRICS)).unwrap();
    let error = train(&run, None, false).unwrap_err().to_string();
    assert!(error.contains(METRICS) && error.contains("no regular file"), "{error}");
    assert_eq!(before(), expected);

    let (_folder, run) = new();
    symlink(outside.path(), path(&run, CHECKPOINTS)).unwrap();
    let error = train(&run, None, false).unwrap_err().to_string();
    assert!(error.contains("a link or no folder"), "{error}");
    assert!(run.older_checkpoints().is_empty());
    assert_eq!(before(), expected);

    // A link in place of a file that is replaced whole is itself replaced.
    let (_folder, run) = finished();
    fs::remove_file(path(&run, MODEL)).unwrap();
    symlink(&victim, path(&run, MODEL)).unwrap();
    assert_eq!(train(&run, None, false).unwrap(), End::Stop(Stop::Finished));
    assert_eq!(before(), expected);

    // What has no end is not read.
    for name in [DATA, CONFIG, STATE] {
        let (_folder, run) = finished();
        fs::remove_file(path(&run, name)).unwrap();
        symlink("/dev/zero", path(&run, name)).unwrap();
        let errors = [run.data().err(), run.config().err(), train(&run, None, false).err()];
        let errors: Vec<_> = errors.into_iter().flatten().map(|e| e.to_string()).collect();
        assert!(errors.len() == 1 && errors[0].contains(name), "{errors:?}");
    }
}

/// An axis of length 0 makes an array of nothing; the others may still not be more than there can be.
#[test]
fn a_shape_that_no_array_has_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.safetensors");
    for (shape, sound) in [("0, 4611686018427387904, 8", false), ("0, 3", true)] {
        let header = format!(r#"{{"a":{{"dtype":"F32","shape":[{shape}],"data_offsets":[0,0]}}}}"#);
        let length = (header.len() as u64).to_le_bytes();
        fs::write(&file, [&length[..], header.as_bytes()].concat()).unwrap();
        let read = Tensors::open(&file).and_then(Tensors::read);
        assert_eq!(read.is_ok(), sound, "{shape}: {read:?}");
    }
}

/// A step too far makes weights infinite, and the loss of them is known one step later: they are no checkpoint.
#[test]
fn numbers_that_are_not_finite_are_no_checkpoint() {
    let (_folder, run) = new();
    let training = rows(0..64);
    let begin = || DenseNetwork::regression(&[11, 5, 1], Activation::Tanh, Noise::new(1));
    let mut rate = Sgd::new(1e38).unwrap();
    let mut trainer = Trainer::new(begin(), &training, None, &mut rate, OPTIONS).unwrap();
    let end = run.train(&mut trainer, None, ALL, &AtomicBool::new(false), |_| ()).unwrap();
    assert!(matches!(end, End::Stop(Stop::Diverged(_))), "{end:?}");
    // What is there can be gone on with, to the same end.
    let mut rate = Sgd::new(1e38).unwrap();
    let mut trainer = Trainer::new(model(5), &training, None, &mut rate, OPTIONS).unwrap();
    let again = run.train(&mut trainer, None, ALL, &AtomicBool::new(false), |_| ()).unwrap();
    assert_eq!(end, again);
}

#[test]
fn going_back_leaves_what_came_later() {
    let (_folder, run) = finished();
    let older = run.older_checkpoints();
    let last = fs::read(path(&run, STATE)).unwrap();
    let step = |name: &str| path(&run, CHECKPOINTS).join(format!("{name}.safetensors"));
    let later = fs::read(&older[1]).unwrap();
    assert_eq!(older, [step("step-000000010"), step("step-000000011")]);
    assert_eq!(train(&run, Some(&older[0]), true).unwrap(), End::Interrupted { step: 11 });
    assert_eq!(fs::read(step("left-000000012")).unwrap(), last);
    assert_eq!(fs::read(step("left-000000011")).unwrap(), later);
    assert_eq!(train(&run, None, false).unwrap(), End::Stop(Stop::Finished));
    assert!(fs::read(path(&run, STATE)).unwrap() == last);
    assert!(run.older_checkpoints() == older && fs::read(&older[1]).unwrap() == later);
}
