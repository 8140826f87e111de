console.log('no benchmark is written yet');
